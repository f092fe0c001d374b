import { join } from 'node:path';
import { connect, type ConnectionOptions, type NatsConnection } from 'nats';
import type { ConnectOptions } from '../../host/nats/connect';
import { Connection } from '../../host/nats/connection';
import { Refusals } from '../../host/nats/refusals';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

const file = (name: string): string => join(__dirname, '../fixtures/tls', name);
const SERVER_TLS = { cert_file: file('server.pem'), key_file: file('server.key') };
const LOGIN = { user: 'a', password: 'secret' };
const ACCOUNT_FULL = {
  code: 'JP_ACCOUNT_LIMIT',
  hint: 'Raise max_connections of the account, or close other connections: each host and each command needs one.',
};

const limitedAccount = (settings: object = {}): Promise<TestServer> =>
  scene.server({
    accounts: { A: { jetstream: 'enabled', limits: { max_connections: 1 }, users: [LOGIN] } },
    ...settings,
  });
const open = (url: string, more: Partial<ConnectOptions> = {}): Promise<Connection> =>
  Connection.open({ servers: [url], name: 'test', nats: { credentials: LOGIN }, ...more });
const occupy = (url: string, more: ConnectionOptions = {}): Promise<NatsConnection> =>
  connect({ servers: url, user: LOGIN.user, pass: LOGIN.password, reconnect: false, ...more });

test.each([
  ['without TLS', {}, undefined],
  ['with TLS', { tls: SERVER_TLS }, { caFile: file('ca.pem') }],
  [
    'with the TLS handshake first',
    { tls: { ...SERVER_TLS, handshake_first: true } },
    { caFile: file('ca.pem'), handshakeFirst: true },
  ],
])(
  'the first connect, %s, to an account with as many connections as it may have names the limit',
  async (_, own, tls) => {
    const { url, port } = await limitedAccount(own);
    const other = await occupy(url, tls && { tls });
    await expect(open(url, { nats: { credentials: LOGIN, ...(tls && { tls }) } })).rejects.toMatchObject({
      ...ACCOUNT_FULL,
      message: `connecting to 127.0.0.1:${port} with user a: the account has as many connections as it may have`,
    });
    await other.close();
  },
);

test('the first connect to a server with as many connections as it may have names the limit', async () => {
  const { url, port } = await scene.server({ max_connections: 1 });
  // The connection of the check that the server is ready may still count.
  const other = await eventually(() => connect({ servers: url, reconnect: false }));
  await expect(open(url, { nats: {} })).rejects.toMatchObject({
    code: 'JP_ACCOUNT_LIMIT',
    message: `connecting to 127.0.0.1:${port}: the server has as many connections as it may have`,
    hint: 'Raise max_connections of the server, or close other connections: each host and each command needs one.',
  });
  await other.close();
});

test('a patient connect waits until another client of the full account disconnects', async () => {
  const { url } = await limitedAccount();
  const other = await occupy(url);
  const waiting: unknown[] = [];
  const connection = await open(url, {
    patienceMs: 25_000,
    waiting: (error) => {
      waiting.push(error);
      void other.close();
    },
  });
  await connection.close();
  expect(waiting[0]).toMatchObject(ACCOUNT_FULL);
});

test('a reconnect that the full account refuses is reported as the limit, and succeeds when the limit allows it', async () => {
  const server = await limitedAccount();
  const proxy = await scene.proxy(server);
  const connection = await open(proxy.url);
  const refusals = new Refusals();
  const reported: unknown[] = [];
  connection.watch({
    refused: (refusal) => {
      const error = refusals.note(refusal);
      if (error) reported.push(error);
    },
  });
  // The other client connects before the connection returns.
  proxy.dropCommands(() => true);
  proxy.cut();
  const other = await eventually(() => occupy(server.url));
  proxy.heal();
  await eventually(() => reported.length > 0, 20_000);
  expect(reported).toEqual([expect.objectContaining(ACCOUNT_FULL)]);
  await other.close();
  await eventually(() => connection.connected, 20_000);
  await connection.close();
}, 60_000);
