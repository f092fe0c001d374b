import type { JetStreamManager, NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { STORY_CONFIG, STORY_PLUGINS, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';

const BADGE = 'badge-award';
const STREAM = 'the settings of a stream are put back';

let scene: Scene;
let server: TestServer;
let client: NatsConnection;
let jsm: JetStreamManager;

beforeEach(async () => {
  scene = new Scene();
  server = await scene.server();
  client = await scene.client(server.url);
  jsm = await client.jetstreamManager();
});
afterEach(() => scene.end());

const start = (deploy: object = {}): Promise<TestHost> =>
  scene.host({ server, plugins: [STORY_PLUGINS], config: { deploy } });

async function change(stream: string, settings: object): Promise<void> {
  const { config } = await jsm.streams.info(stream);
  await jsm.streams.update(stream, { ...config, ...settings });
}

async function metric(host: TestHost, line: string): Promise<boolean> {
  return (await (await fetch(`${host.url}/metrics`)).text()).includes(line);
}

test('settings of streams, buckets and durables that somebody changes are put back while the host runs', async () => {
  const host = await start();
  const { config } = await jsm.streams.info('EVENTS');
  await change('EVENTS', { max_bytes: 123_456_789, duplicate_window: 60e9 });
  await change('DEAD', { max_age: 3_600e9 });
  await change('KV_jetplug', { max_bytes: 1_000_000 });
  await jsm.consumers.update('EVENTS', BADGE, { ack_wait: 60e9 });
  await eventually(() => host.logged(STREAM).length === 3, 20_000);
  await eventually(async () => (await jsm.consumers.info('EVENTS', BADGE)).config.ack_wait === 15e9, 20_000);
  expect((await jsm.streams.info('EVENTS')).config).toEqual(config);
  expect(host.logged(STREAM).map(({ stream, changes }) => [stream, changes])).toEqual(
    expect.arrayContaining([['EVENTS', ['maxBytes 117.7 MiB → 10 GiB', 'duplicateWindow 1m → 2m']]]),
  );
});

test('with deploy.drift: report they are kept, and shown by plugins and /metrics', async () => {
  const host = await start({ drift: 'report' });
  await change('EVENTS', { max_age: 14 * 86_400e9 });
  await jsm.consumers.update('EVENTS', BADGE, { ack_wait: 60e9 });
  await eventually(() => metric(host, 'jetplug_stream_drift{stream="EVENTS"} 1'), 20_000);
  await eventually(() => metric(host, 'jetplug_durable_drift{plugin="badge",handler="award"} 1'), 20_000);
  const { stdout } = await jetplug(['plugins', '--servers', server.url]);
  expect(stdout).toContain('stream EVENTS was changed on the server: maxAge 14d → 7d');
  expect(stdout).toContain(`badge.award: its durable ${BADGE} was changed on the server: ack_wait: 60 s → 15 s`);
  expect((await jsm.streams.info('EVENTS')).config.max_age).toBe(14 * 86_400e9);
  // A start deploys, whatever somebody has changed.
  await host.stop();
  await start({ drift: 'report' });
  expect((await jsm.streams.info('EVENTS')).config.max_age).toBe(7 * 86_400e9);
});

test('a change is kept if putting it back would delete events, even where a start may lose events', async () => {
  const host = await start({ allowDataLoss: true });
  for (let n = 0; n < 3; n++)
    await client.jetstream().publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}');
  await change('EVENTS', { subjects: [...(await jsm.streams.info('EVENTS')).config.subjects, 'more.>'] });
  await client.jetstream().publish('more.of_it', '{}');
  await eventually(() => host.logged('the settings of a stream cannot be put back').length === 1, 20_000);
  expect((await jsm.streams.info('EVENTS')).state.messages).toBeGreaterThanOrEqual(4);
  const { stdout } = await jetplug(['plugins', '--servers', server.url]);
  expect(stdout).toContain('stream EVENTS was changed on the server: subjects');
});

test('a stream whose mark somebody removes is not changed, and is shown', async () => {
  const host = await start();
  await change('EVENTS', { metadata: {}, max_msgs: 1_000_000 });
  await eventually(() => metric(host, 'jetplug_stream_drift{stream="EVENTS"} 1'), 20_000);
  const { stdout } = await jetplug(['plugins', '--servers', server.url]);
  expect(stdout).toContain('stream EVENTS was changed on the server: mark none → jetplug');
});

test('a host with an earlier config does not undo what an operator applies', async () => {
  const host = await start();
  const folder = scene.folder({
    ...STORY_CONFIG,
    'config/local.yaml': 'deadLetters: { maxAge: 60d }\ndelivery: { ackWait: 20s }',
  });
  const { stdout } = await jetplug(['apply', '--yes', '--servers', server.url, '--plugins', STORY_PLUGINS], {
    cwd: folder,
  });
  expect(stdout).toContain('maxAge: 30d → 60d');
  const applied = async (): Promise<(number | undefined)[]> => [
    (await jsm.streams.info('DEAD')).config.max_age / 86_400e9,
    (await jsm.consumers.info('EVENTS', BADGE)).config.ack_wait! / 1e9,
  ];
  expect(await applied()).toEqual([60, 20]);
  await eventually(() => metric(host, 'jetplug_config_outdated 1'), 20_000);
  expect(host.logged(STREAM)).toEqual([]);
  expect(await applied()).toEqual([60, 20]);
  const { stdout: shown } = await jetplug(['plugins', '--servers', server.url]);
  expect(shown).toContain('has a newer configuration');
  // A restart with the earlier config waits too, until an operator applies that one.
  await host.stop();
  const again = await start();
  expect(await metric(again, 'jetplug_config_outdated 1')).toBe(true);
  const back = await jetplug(['apply', '--yes', '--servers', server.url, '--plugins', STORY_PLUGINS]);
  expect(back.stdout).toContain('maxAge: 60d → 30d');
  expect(await applied()).toEqual([30, 15]);
  await eventually(() => metric(again, 'jetplug_config_outdated 0'), 20_000);
});
