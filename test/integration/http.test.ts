import type { NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { parsePrometheus } from '../support/prometheus';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { each, handled } from '../support/story';

const FAILS = pluginSource(
  'FailsPlugin',
  `  @Subscribe('video.watch_started', { retry: { attempts: 2, backoff: ['10ms'] } })\n  handle() { throw new Error('a "quoted" \\\\ line\\nbreak'); }`,
);

const scene = new Scene();
let server: TestServer;
let host: TestHost;
let nats: NatsConnection;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  host = await scene.host({
    server,
    plugins: [STORY_PLUGINS, scene.folder({ 'fails.plugin.ts': FAILS })],
    // A high limit for the circuit, so that the events of the failing plugin do not wait.
    config: { delivery: { circuit: { messages: 1_000 } } },
  });
});
afterAll(() => scene.end());

const get = async (path: string): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${host.url}${path}`);
  return { status: response.status, body: await response.json() };
};

test('a working host is alive and ready', async () => {
  expect(await get('/livez')).toEqual({ status: 200, body: { status: 'alive' } });
  expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'ready', reasons: [] } });
  expect((await get('/nowhere')).status).toBe(404);
});

test('/metrics is in the Prometheus format and counts the events', async () => {
  for (let i = 0; i < 5; i++) nats.publish('video.watch_started', `{"user_id":"u${i}","video_id":"v1"}`);
  const value = await eventually(async () => {
    const response = await fetch(`${host.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const families = parsePrometheus(await response.text());
    const read = (family: string, plugin: string, name = family): number | undefined =>
      families
        .get(family)!
        .samples.find(
          (sample) =>
            sample.name === name && sample.labels['plugin'] === plugin && sample.labels['handler'] !== 'catalogue',
        )?.value;
    return (
      read('jetplug_dead_lettered_total', 'fails') === 5 &&
      read('jetplug_handled_total', 'badge') === 5 &&
      read('jetplug_in_flight', 'fails') === 0 &&
      read
    );
  });
  expect(value('jetplug_failed_total', 'fails')).toBe(10);
  expect(value('jetplug_retried_total', 'fails')).toBe(5);
  expect(value('jetplug_handling_seconds', 'fails', 'jetplug_handling_seconds_count')).toBe(10);
  expect(value('jetplug_handling_seconds', 'badge', 'jetplug_handling_seconds_count')).toBe(5);
  expect(value('jetplug_handling_seconds', 'badge', 'jetplug_handling_seconds_sum')).toBeGreaterThan(0);
  expect(value('jetplug_pending', 'badge')).toBe(0);
  expect(value('jetplug_in_flight', 'badge')).toBe(0);
});

test('while the server is down /readyz reports it; when it is back the host consumes again, and nothing is lost', async () => {
  const before = (await handled(host))['badge.award']!;
  await server.kill();
  await eventually(
    async () =>
      expect(await get('/readyz')).toEqual({
        status: 503,
        body: { status: 'not ready', reasons: [expect.stringContaining('not connected')] },
      }) === undefined,
  );
  expect(await get('/livez')).toEqual({ status: 200, body: { status: 'alive' } });
  const metrics = parsePrometheus(await (await fetch(`${host.url}/metrics`)).text());
  expect(metrics.get('jetplug_connected')!.samples).toEqual([expect.objectContaining({ value: 0 })]);
  expect(metrics.get('jetplug_pending')!.samples).toEqual([]);

  await server.restart();
  const published = await jetplug([
    'publish',
    'video.watch_started',
    '{"user_id":"after","video_id":"v1"}',
    '--servers',
    server.url,
    '--plugins',
    STORY_PLUGINS,
  ]);
  expect(published.code).toBe(0);
  await eventually(async () => expect(await get('/readyz')).toMatchObject({ status: 200 }) === undefined, 20_000);
  await eventually(async () => expect(await handled(host)).toMatchObject(each(before + 1)) === undefined, 20_000);
}, 60_000);

test('a server that dies under load loses nothing', async () => {
  const before = (await handled(host))['badge.award']!;
  const js = nats.jetstream();
  let stored = 0;
  for (let i = 0; i < 200; i++) {
    await eventually(
      () =>
        js.publish('video.watch_started', `{"user_id":"load${i % 7}","video_id":"v${i % 5}"}`, {
          timeout: 2_000,
          msgID: `load-${i}`,
        }),
      20_000,
    );
    stored++;
    if (i === 60 || i === 130) {
      await server.kill();
      await server.restart();
    }
  }
  await eventually(async () => {
    const counts = await handled(host);
    const least = Object.fromEntries(Object.keys(each(0)).map((name) => [name, before + stored <= counts[name]!]));
    expect(Object.values(least)).not.toContain(false);
    return true;
  }, 40_000);
}, 90_000);

test('an address in use is an error with its code', async () => {
  const address = host.url.replace('http://', '');
  const result = await jetplug([
    'start',
    '--json',
    '--servers',
    server.url,
    '--plugins',
    scene.folder(),
    '--http',
    address,
  ]);
  expect(result.code).toBe(1);
  expect(result.errors()).toEqual([
    expect.objectContaining({ code: 'JP_HTTP_LISTEN', message: expect.stringContaining(address) }),
  ]);
});
