import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const COUNTING = pluginSource(
  'CountingPlugin',
  `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('video.tick', { concurrency: 4 })
  async count(event: any) {
    if (event.bad) throw new Reject('bad');
    await this.counts.update('total', (n = 0) => n + 1);
  }`,
);

/** The host's own user may do everything else; a client without a name may do everything. */
function users(denied: { publish?: string[]; subscribe?: string[] } = {}): object {
  const { publish = [], subscribe = [] } = denied;
  const permissions = { publish: { allow: ['>'], deny: publish }, subscribe: { allow: ['>'], deny: subscribe } };
  return {
    authorization: {
      users: [
        { user: 'admin', password: 'a' },
        { user: 'host', password: 'h', permissions },
      ],
    },
    no_auth_user: 'admin',
  };
}

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let host: TestHost;
let published = 0;

beforeAll(async () => {
  server = await scene.server(users());
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  host = await scene.host({
    server,
    plugins: [scene.folder({ 'counting.plugin.ts': COUNTING })],
    config: { delivery: { ackWait: '1s' }, nats: { credentials: { user: 'host', password: 'h' } } },
  });
});
afterAll(() => scene.end());

test('without permission to ack, nothing is applied twice and one error is logged; with the permission everything is settled', async () => {
  server.reconfigure(users({ publish: ['$JS.ACK.>'] }));
  await publish(50);
  await eventually(async () => (await counted()) === published);
  // Some are redelivered.
  await eventually(async () => (await consumer()).num_redelivered > 0);
  expect((await consumer()).num_ack_pending).toBe(50);
  expect(refusals().map(({ code }) => code)).toEqual(['JP_BROKER_PERMISSION']);
  expect(JSON.stringify(refusals()[0])).toMatch(/not permitted to publish on \$JS\.ACK\.\S*EVENTS\.counting-count\.>/);
  server.reconfigure(users());
  await eventually(async () => (await consumer()).num_ack_pending === 0);
  expect(await counted()).toBe(published);
});

test('a dead letter that may not be stored keeps its event in the stream, and is stored when it may', async () => {
  server.reconfigure(users({ publish: ['dead.>'] }));
  await eventually(() => isDenied('dead.x'));
  // The server may have stored the messages of the first attempts, before it read its settings again.
  await jsm.streams.purge('DEAD');
  await publish(1, { bad: true });
  await eventually(() => host.logged('a dead letter could not be stored; the event stays in its stream').length > 0);
  expect(await storedLetters(nats)).toEqual([]);
  expect((await consumer()).num_ack_pending).toBe(1);
  await publish(10);
  await eventually(async () => (await counted()) === published - 1);
  server.reconfigure(users());
  await eventually(async () => (await storedLetters(nats)).length === 1);
  await eventually(async () => (await consumer()).num_ack_pending === 0);
});

test('refused pulls are reported, and resume by themselves when they are permitted', async () => {
  server.reconfigure(users({ publish: ['$JS.API.CONSUMER.MSG.NEXT.>'] }));
  await eventually(() => isDenied('$JS.API.CONSUMER.MSG.NEXT.A.b'));
  // More events than a host requests at most, 2,500, so that it has to pull again.
  await publish(2_600);
  await eventually(() => JSON.stringify(refusals()).includes('$JS.API.CONSUMER.MSG.NEXT.EVENTS.counting-count'));
  expect(await counted()).toBeLessThan(published - 1);
  server.reconfigure(users());
  await eventually(async () => (await counted()) === published - 1, 30_000);
}, 45_000);

test('refused inboxes are reported, and everything resumes when they are permitted', async () => {
  server.reconfigure(users({ subscribe: ['_INBOX.>'] }));
  await eventually(() => JSON.stringify(refusals()).includes('not permitted to subscribe to _INBOX.>'));
  await publish(50);
  server.reconfigure(users());
  await eventually(async () => (await counted()) === published - 1, 30_000);
  await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 200);
  // One line for each of the four refused subjects, after any number of refusals.
  expect(refusals()).toHaveLength(4);
}, 45_000);

test('a host whose user is removed never gives up, and reconnects when the user is back', async () => {
  server.reconfigure({ authorization: { users: [{ user: 'admin', password: 'a' }] }, no_auth_user: 'admin' });
  await eventually(() => host.logged('connection to the NATS server lost; reconnecting').length === 1);
  // The client alone would give up at the second refusal in a row. The host tries at least three times in this time.
  await sleep(3_000);
  await publish(10);
  server.reconfigure(users());
  await eventually(async () => (await counted()) === published - 1, 20_000);
  await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 200);
  // One line, after any number of refusals in between.
  expect(host.logged('connection to the NATS server lost; reconnecting')).toHaveLength(1);
  expect(host.logged('reconnected to the NATS server')).toHaveLength(1);
  expect(host.logged('connection to the NATS server closed')).toEqual([]);
  expect(host.logged('NATS server refused the login')).toEqual([
    expect.objectContaining({ code: 'JP_BROKER_AUTH', error: 'the NATS server refused the login (user host)' }),
  ]);
}, 30_000);

const refusals = (): LogLine[] => host.logged('NATS server reported an error');

/** Whether the server has reloaded its config. */
async function isDenied(subject: string): Promise<boolean> {
  const probe = await connect({ servers: server.url, user: 'host', pass: 'h' });
  try {
    await probe.request(subject, '', { timeout: 500 });
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'PERMISSIONS_VIOLATION';
  } finally {
    await probe.close();
  }
}

async function publish(count: number, fields: object = {}): Promise<void> {
  for (let i = 0; i < count; i++) nats.publish('video.tick', JSON.stringify({ n: published++, ...fields }));
  await nats.flush();
}

async function counted(): Promise<number> {
  const bucket = await nats.jetstream().views.kv('jetplug-counting', { bindOnly: true });
  return (await bucket.get('total'))?.json<number>() ?? 0;
}

function consumer(): ReturnType<JetStreamManager['consumers']['info']> {
  return jsm.consumers.info('EVENTS', 'counting-count');
}
