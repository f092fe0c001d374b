import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { AuditPage, Flow, LiveHandler, Overview, Paused, PluginView } from '../../host/page/api';
import { EventSourceReader } from '../support/event-source';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS, type TestHost } from '../support/host';
import { post } from '../support/http';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
let server: TestServer;
let host: TestHost;
let nats: NatsConnection;
let folder: string;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder({ 'broken.plugin.ts': pluginSource('BrokenPlugin', '  this is no method') });
  host = await scene.host({ server, plugins: [STORY_PLUGINS, folder] });
});
afterAll(() => scene.end());

const get = async <T>(path: string): Promise<T> => (await fetch(`${host.url}${path}`)).json() as Promise<T>;
const award = ({ plugins }: Overview): LiveHandler =>
  plugins.find(({ plugin }) => plugin === 'badge')!.handlers.find(({ handler }) => handler === 'award')!;

test('the live feed sends the overview with rates, and the runs', async () => {
  const live = await EventSourceReader.open(`${host.url}/api/live`);
  try {
    await eventually(() => live.last('overview') !== undefined);
    for (let i = 0; i < 30; i++) nats.publish('video.watch_started', `{"user_id":"u${i}","video_id":"v1"}`);
    const overview = await eventually(() => {
      const last = live.last('overview') as Overview;
      return (award(last).handledPerS ?? 0) > 0 && last;
    });
    expect(overview).toMatchObject({ hosts: [expect.stringContaining(`:${host.pid}`)], deadLetters: 0 });
    expect(overview.server.url).toContain(String(server.port));
    expect(award(overview).p99Ms).toBeGreaterThan(0);
    expect(overview.problems).toContainEqual(
      expect.objectContaining({ severity: 'error', plugin: 'broken', link: '#/plugins/broken' }),
    );
    const runs = await eventually(() => live.last('runs') as { runs: { plugin: string }[] } | undefined);
    expect(runs.runs.length).toBeLessThanOrEqual(20);
  } finally {
    live.close();
  }
});

test('the live feed says that the broker is away, requests fail at once, and both work again when it is back', async () => {
  const live = await EventSourceReader.open(`${host.url}/api/live`);
  try {
    await eventually(() => live.last('overview') !== undefined);
    await server.kill();
    await eventually(() => live.last('away') !== undefined);
    const response = await fetch(`${host.url}/api/overview`);
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 503,
      body: { code: 'JP_BROKER_UNREACHABLE', hint: expect.any(String) },
    });
    const before = live.count('overview');
    await server.restart();
    await eventually(() => live.count('overview') > before, 20_000);
  } finally {
    live.close();
  }
}, 60_000);

test('a plugin is explained with the source around its failing line', async () => {
  const { explained, source } = await get<PluginView>('/api/plugins/broken');
  expect(explained).toMatchObject([{ plugin: 'broken', state: 'failed' }]);
  expect(source!.file).toBe(join(folder, 'broken.plugin.ts'));
  expect(source!.lines[source!.failingLine! - source!.firstLine]).toContain('this is no method');
  const unknown = await fetch(`${host.url}/api/plugins/bagde`);
  expect({ status: unknown.status, body: await unknown.json() }).toMatchObject({
    status: 404,
    body: { code: 'JP_NOT_FOUND', message: expect.stringContaining('did you mean badge?') },
  });
});

test('a plugin is paused for a time and resumed, and the audit has both, and what failed', async () => {
  const paused = await post(`${host.url}/api/plugins/badge/pause`, { handler: 'award', for: '10m' });
  expect(paused).toMatchObject({ status: 200, body: { handlers: [{ plugin: 'badge', handler: 'award' }] } });
  await eventually(async () => {
    const { problems } = await get<Overview>('/api/overview');
    return problems.some(({ command }) => command === 'npx jetplug resume badge.award');
  });
  const resumed = await post(`${host.url}/api/plugins/badge/resume`, {});
  expect((resumed.body as Paused).handlers).toContainEqual({ plugin: 'badge', handler: 'award' });
  expect(await post(`${host.url}/api/plugins/nobody/pause`, {})).toMatchObject({ status: 404 });
  expect(await post(`${host.url}/api/plugins/badge/pause`, { for: 'ever' })).toMatchObject({ status: 400 });

  const { entries } = await get<AuditPage>('/api/audit');
  const ofPage = { who: 'loopback', via: 'page', from: '127.0.0.1' };
  expect(entries).toMatchObject([
    { ...ofPage, action: 'pause', target: 'nobody', outcome: 'failed', error: expect.stringContaining('JP_NOT_FOUND') },
    { ...ofPage, action: 'resume', target: 'badge', outcome: 'done' },
    { ...ofPage, action: 'pause', target: 'badge.award', detail: { until: expect.any(String) }, outcome: 'done' },
  ]);
  const first = await get<AuditPage>('/api/audit?limit=2');
  const second = await get<AuditPage>(`/api/audit?limit=1&cursor=${first.next}`);
  expect([...first.entries, ...second.entries]).toEqual(entries);
  expect(second.next).toBeUndefined();
});

test('the flow has who publishes and who receives each event', async () => {
  const { events } = await get<Flow>('/api/flow');
  expect(events).toContainEqual({
    subject: 'badge.awarded',
    publishers: ['badge'],
    subscribers: [],
  });
  const watched = events.find(({ subject }) => subject === 'video.watch_started')!;
  expect(watched.publishers).toEqual([]);
  expect(watched.subscribers).toContainEqual({ plugin: 'badge', handler: 'award' });
});
