import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectEventBus } from '../../host/client';
import { Connection } from '../../host/nats/connection';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';

const scene = new Scene();
afterEach(() => scene.end());

const users = (password: string): object => ({ authorization: { user: 'u', password } });

async function opened(
  server: TestServer,
  credentials: object,
): Promise<{ connection: Connection; refused: unknown[] }> {
  const connection = await Connection.open({ servers: [server.url], name: 'test', nats: { credentials } });
  const refused: unknown[] = [];
  connection.watch({ refused: (error) => refused.push(error) });
  return { connection, refused };
}

test('a new password is read at the next connect; until then a refusal is reported once', async () => {
  const file = join(scene.folder({ password: 'one' }), 'password');
  const server = await scene.server(users('one'));
  const { connection, refused } = await opened(server, { user: 'u', passwordFile: file });
  const events = await connectEventBus({ servers: server.url, user: 'u', passwordFile: file });
  try {
    // The server closes the connections of users whose password has changed.
    server.reconfigure(users('two'));
    await eventually(() => refused.length > 0);
    writeFileSync(`${file}.new`, 'two\n');
    renameSync(`${file}.new`, file);
    await eventually(() => connection.connected, 15_000);
    expect(refused).toEqual([
      expect.objectContaining({
        code: 'JP_BROKER_AUTH',
        message: `the NATS server refused the login (user u with the password in ${file})`,
      }),
    ]);
    await connection.jsm.streams.add({ name: 'EVENTS', subjects: ['video.>'] });
    await events.publish('video.x', {});
    expect((await connection.jsm.streams.info('EVENTS')).state.messages).toBe(1);
  } finally {
    await events.close();
    await connection.close();
  }
}, 30_000);

test('a missing file at a reconnect is reported, and the last credentials are used', async () => {
  const file = join(scene.folder({ token: 't' }), 'token');
  const server = await scene.server({ authorization: { token: 't' } });
  const { connection, refused } = await opened(server, { tokenFile: file });
  try {
    rmSync(file);
    await server.kill();
    await eventually(() => !connection.connected);
    await server.restart();
    await eventually(() => connection.connected, 15_000);
    expect(refused).toEqual([
      expect.objectContaining({ code: 'JP_BROKER_AUTH', message: expect.stringContaining(`${file} cannot be used`) }),
    ]);
  } finally {
    await connection.close();
  }
}, 30_000);
