import type { JetStreamManager, NatsConnection } from 'nats';
import { Connection } from '../../host/nats/connection';
import { ensureStreams } from '../../host/nats/ensure-streams';
import { jetplug } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { configOf } from '../support/stream-config';

/** An account that requires a limit for each stream, as hosted NATS does. */
const ACCOUNT = {
  jetstream: { max_mem: 100e6, max_file: 30e9, max_streams: -1, max_consumers: -1, max_bytes_required: true },
  users: [{ user: 'a', password: 'a' }],
};
const PLUGIN = pluginSource(
  'KeepsPlugin',
  `  constructor(private readonly store: Store<string>) {}
  @Subscribe('video.tick', { retry: { attempts: 2, backoff: ['10ms'] } })
  async handle(event: any, context: EventContext) {
    if (event.reject) throw new Reject('x'.repeat(200));
    if (event.later && context.attempt === 1 && context.headers['x-back'] === undefined) throw new RetryLater('31s');
    await this.store.update('text', () => 'x'.repeat(event.size ?? 1));
    context.log.info('handled', { n: event.n });
  }`,
);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let host: TestHost;

const EVENTS = [{ name: 'EVENTS', subjects: ['video.>'], maxBytes: '1 GiB' }];
const LIMITS = {
  deadLetters: { maxBytes: '4 KiB' },
  retries: { maxBytes: '2 KiB' },
  store: { maxBytes: '16 KiB', logMaxBytes: '64 KiB' },
};

beforeAll(async () => {
  server = await scene.server({ accounts: { A: ACCOUNT }, no_auth_user: 'a' });
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
});
afterAll(() => scene.end());

test('where the account requires limits, the error names the config keys', async () => {
  const connection = await Connection.open({ servers: [server.url], name: 'max-bytes' });
  try {
    await expect(ensureStreams(connection, configOf(scene, { streams: EVENTS }))).rejects.toMatchObject({
      code: 'JP_ACCOUNT_LIMIT',
      hint: 'Set streams[].maxBytes, deadLetters.maxBytes, retries.maxBytes, store.maxBytes and store.logMaxBytes.',
    });
  } finally {
    await connection.close();
  }
});

test('with limits for all of them the host starts and works', async () => {
  host = await scene.host({
    server,
    plugins: [scene.folder({ 'keeps.plugin.ts': PLUGIN })],
    config: { streams: EVENTS, ...LIMITS },
  });
  publish({ n: 1 });
  await eventually(() => host.logged('handled').length === 1);
  const limits = ['DEAD', 'RETRY', 'KV_jetplug', 'KV_jetplug-keeps', 'LOG_jetplug-keeps'].map(
    async (name) => (await jsm.streams.info(name)).config.max_bytes,
  );
  expect(await Promise.all(limits)).toEqual([4_096, 2_048, 16_384, 16_384, 65_536]);
});

test('a dead letter that does not fit leaves its event in its stream, and is stored when there is room', async () => {
  for (let n = 0; n < 3; n++) publish({ n, reject: true });
  const refused = 'a dead letter could not be stored; the event stays in its stream';
  await eventually(() => host.logged(refused).length > 0);
  expect(host.logged(refused)[0]).toMatchObject({
    level: 'error',
    err: {
      code: 'JP_STREAM_FULL',
      message: expect.stringMatching(/maximum bytes exceeded$/),
      hint: expect.stringMatching(/^No event is lost: .*jetplug dead drop/),
    },
  });
  await eventually(async () => (await storedLetters(nats)).length === 2 && (await inFlight()) === 1);
  const dropped = await jetplug(['dead', 'drop', '--all', '--servers', server.url, '--json']);
  expect(dropped.json()).toHaveLength(2);
  await eventually(async () => (await storedLetters(nats)).length === 1);
  await eventually(async () => (await inFlight()) === 0);
});

test('a postponed event that does not fit into the retry stream waits in its own stream', async () => {
  for (let n = 0; n < 10; n++) publish({ n, later: true });
  await eventually(
    () => host.logged('event could not be stored in the retry queue; it waits in its stream').length > 0,
  );
  expect(
    JSON.stringify(host.logged('event could not be stored in the retry queue; it waits in its stream')[0]),
  ).toContain('JP_STREAM_FULL');
  await eventually(async () => (await deferred()) + (await inFlight()) === 10);
  expect(await deferred()).toBeGreaterThan(0);
  expect(await inFlight()).toBeGreaterThan(0);
});

test('a full bucket stays behind its commit log, the host names it, and it follows when there is room', async () => {
  await jsm.streams.purge('EVENTS');
  publish({ n: 'large', size: 20_000 });
  await eventually(() => JSON.stringify(host.lines).includes('JP_STORE_FULL'));
  const behind = 'plugin keeps: the bucket is full (store.maxBytes), so it is behind the commit log';
  await eventually(async () => (await notReady()).includes(behind));
  expect(await bucketText()).toBe('x');
  const shown = await jetplug(['store', 'keeps', 'text', '--servers', server.url, '--json']);
  expect(JSON.stringify(shown.json())).toContain('x'.repeat(20_000));
  publish({ n: 'small', size: 100 });
  await eventually(async () => (await bucketText()) === 'x'.repeat(100));
  await eventually(async () => (await notReady()).length === 0);
  expect(handledOf('large')).toBe(1);
});

test('a commit that is larger than its whole log fails, and others are not kept waiting', async () => {
  publish({ n: 'too large', size: 70_000 });
  publish({ n: 'next' });
  await eventually(() => handledOf('next') === 1);
  await eventually(() =>
    host.logged('an event is dead-lettered').some(({ err }) => codeOf(err) === 'JP_COMMIT_TOO_LARGE'),
  );
  expect(handledOf('too large')).toBe(2);
});

function publish(event: object): void {
  nats.publish('video.tick', JSON.stringify(event));
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

function handledOf(event: string): number {
  return host.logged('handled').filter(({ n }) => n === event).length;
}

async function bucketText(): Promise<unknown> {
  const bucket = await nats.jetstream().views.kv('jetplug-keeps', { bindOnly: true });
  return (await bucket.get('text'))?.json();
}

/** The reasons for which the host is not ready. */
async function notReady(): Promise<string[]> {
  const ready = await fetch(`${host.url}/readyz`);
  return ready.status === 200 ? [] : ((await ready.json()) as { reasons: string[] }).reasons;
}

async function inFlight(): Promise<number> {
  const { num_pending: pending, num_ack_pending: unsettled } = await jsm.consumers.info('EVENTS', 'keeps-handle');
  return pending + unsettled;
}

async function deferred(): Promise<number> {
  return (await jsm.streams.info('RETRY')).state.messages;
}
