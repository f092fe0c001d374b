import { connectEventBus } from '../../../host/client';
import { Connection } from '../../../host/nats/connection';
import { refuseOldJetStream, refuseOldServer } from '../../../host/nats-server/oldest-server';
import { startGreetingServer, type GreetingServer } from '../../support/greeting-server';

test.each(['2.12.0', '2.12.0-RC.1', '2.12.15', '2.15.2', '3.0.0'])('a server of version %s is accepted', (version) => {
  expect(() => refuseOldServer(version, 'nats://a:4222')).not.toThrow();
});

test.each([
  ['2.11.9', '2.11.9'],
  ['2.10.27', '2.10.27'],
  ['2.9.10', '2.9.10'],
  ['', 'unknown'],
])('a server of version "%s" is refused, and the message names it', (version, named) => {
  expect(() => refuseOldServer(version, 'nats://a:4222')).toThrow(
    expect.objectContaining({
      code: 'JP_BROKER_TOO_OLD',
      message: `the NATS server on nats://a:4222 has version ${named}; Jetplug needs NATS 2.12.0 or newer`,
    }),
  );
});

test.each([2, 3, 5])('JetStream of API level %d is accepted', (level) => {
  expect(() => refuseOldJetStream(level, 'nats://leaf:4222')).not.toThrow();
});

test.each([
  [undefined, 'a version before 2.11'],
  [0, 'version 2.11'],
  [1, 'version 2.11'],
])('JetStream of API level %s behind a newer leaf node is refused', (level, found) => {
  expect(() => refuseOldJetStream(level, 'nats://leaf:4222')).toThrow(
    expect.objectContaining({
      code: 'JP_BROKER_TOO_OLD',
      message: `the server that answers JetStream requests behind nats://leaf:4222 has ${found}; Jetplug needs NATS 2.12.0 or newer`,
    }),
  );
});

describe('a connection', () => {
  let server: GreetingServer | undefined;
  afterEach(() => server?.close());

  test.each(['2.11.9', '2.9.10'])('to a server of version %s is refused, and its version named', async (version) => {
    server = await startGreetingServer({ version });
    await expect(Connection.open({ servers: [server.url], name: 'test' })).rejects.toMatchObject({
      code: 'JP_BROKER_TOO_OLD',
      message: expect.stringContaining(`has version ${version}`),
    });
    await expect(connectEventBus({ servers: server.url })).rejects.toMatchObject({ code: 'JP_BROKER_TOO_OLD' });
  });

  test('to a new leaf node is refused where JetStream behind it is older', async () => {
    const answers = { '$JS.API.INFO': { memory: 0, storage: 0, limits: {}, api: { total: 0, errors: 0, level: 1 } } };
    server = await startGreetingServer({ version: '2.15.2' }, answers);
    await expect(Connection.open({ servers: [server.url], name: 'test' })).rejects.toMatchObject({
      code: 'JP_BROKER_TOO_OLD',
      message: expect.stringContaining('has version 2.11;'),
    });
  });
});
