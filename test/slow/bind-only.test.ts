import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { JetStreamManager, NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { startHost, STORY_CONFIG, STORY_PLUGINS } from '../support/host';
import { natsCliFolder } from '../support/nats-cli';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';

const CONFIG = { deploy: { bindOnly: true } };

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

interface Missing {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Starts a host that creates nothing, and returns its errors. */
async function missing(): Promise<Missing[]> {
  const starting = startHost({ server, plugins: [STORY_PLUGINS], config: CONFIG });
  const failed = await starting.catch((error: unknown) => error);
  const said = (failed as Error).message.split('\n').slice(1);
  return said.filter((line) => line.includes('JP_')).map((line) => JSON.parse(line) as Missing);
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const name of jsm.streams.names()) found.push(name);
  return found;
}

test('a start lists everything that is missing, and the listed commands create it', async () => {
  const all = await missing();
  expect(all.map(({ code }) => code)).toEqual(all.map(() => 'JP_ASSET_MISSING'));
  expect(await names()).toEqual([]);
  const streams = all.filter(({ message }) => message.startsWith('stream'));
  const durables = all.filter(({ message }) => message.startsWith('durable'));
  expect(streams.map(({ message }) => message)).toContain('stream EVENTS is missing, and deploy.bindOnly is true');
  expect(durables.map(({ message }) => message)).toContain(
    'durable badge--award on stream RETRY is missing, and deploy.bindOnly is true',
  );
  const env = { ...process.env, NATS_URL: server.url, PATH: `${natsCliFolder(scene.folder())}:${process.env['PATH']}` };
  for (const { hint } of all) {
    const { stdout } = await promisify(execFile)('sh', ['-c', hint.replace('Create it: ', '')], { env });
    expect(stdout).not.toContain('"error"');
  }
  const plan = await jetplug(['plan', '--servers', server.url, '--plugins', STORY_PLUGINS], { cwd: planFolder() });
  expect([plan.stdout, plan.code]).toEqual(['', 0]);

  const host = await scene.host({ server, plugins: [STORY_PLUGINS], config: CONFIG });
  client.publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}');
  await eventually(async () => (await jsm.consumers.info('EVENTS', 'badge-award')).ack_floor.stream_seq > 0);
  const records = await client.jetstream().views.kv('jetplug', { bindOnly: true });
  expect(await records.get('generation')).toBeNull();
  await host.stop();
});

test('settings of what exists are kept, and shown', async () => {
  const first = await scene.host({ server, plugins: [STORY_PLUGINS] });
  await first.stop();
  const { config } = await jsm.streams.info('EVENTS');
  await jsm.streams.update('EVENTS', { ...config, max_age: 86_400e9 });
  await jsm.consumers.update('EVENTS', 'badge-award', { ack_wait: 60e9 });
  await jsm.consumers.delete('EVENTS', 'ranking-count');
  expect((await missing()).map(({ message }) => message)).toEqual(
    expect.arrayContaining(['durable ranking-count on stream EVENTS is missing, and deploy.bindOnly is true']),
  );
  await jetplug(['apply', '--yes', '--servers', server.url, '--plugins', STORY_PLUGINS], { cwd: planFolder() });
  await jsm.streams.update('EVENTS', { ...config, max_age: 86_400e9 });
  const host = await scene.host({ server, plugins: [STORY_PLUGINS], config: CONFIG });
  await eventually(
    async () => (await (await fetch(`${host.url}/metrics`)).text()).includes('jetplug_stream_drift{'),
    20_000,
  );
  expect((await jsm.streams.info('EVENTS')).config.max_age).toBe(86_400e9);
});

function planFolder(): string {
  return scene.folder({ ...STORY_CONFIG, 'config/local.yaml': 'deploy: { bindOnly: true }' });
}
