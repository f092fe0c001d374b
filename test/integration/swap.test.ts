import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { PluginStatus } from '../../host/ops/status';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

const scene = new Scene();
let folder: string;
let signals: string;
let host: TestHost;
let nats: NatsConnection;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder();
  signals = scene.folder();
  const streams = [
    { name: 'EVENTS', subjects: ['video.>'] },
    { name: 'OTHERS', subjects: ['user.>'] },
  ];
  host = await scene.host({ server, plugins: [folder], config: { streams } });
});
afterAll(() => scene.end());

interface Wanted {
  readonly options?: string;
  readonly subject?: string;
  readonly method?: string;
  /** Runs until the file of that name exists. */
  readonly until?: string;
  readonly body?: string;
  readonly batch?: boolean;
}

/** A plugin that logs when a run of it begins and ends, and when it is stopped. */
function source(className: string, text: string, wanted: Wanted = {}): string {
  const { options = '', subject = `video.${className.toLowerCase()}`, method = 'handle', until, body = '' } = wanted;
  const fields = JSON.stringify({ text });
  const wait = until ? `while (!existsSync(${JSON.stringify(join(signals, until))})) await sleep(5);` : '';
  return pluginSource(
    className,
    `  constructor(private readonly log: Logger) {}
  onStop() { this.log.info('stopped', ${fields}); }
  @Subscribe('${subject}', { from: 'beginning', ${options} })
  async ${method}(given: any, context: any) {
    const events = [given].flat();
    for (const event of events) this.log.info('begins', { ...${fields}, n: event.n, of: events.length });
    ${wait} ${body}
    for (const event of events) this.log.info('ends', { ...${fields}, n: event.n, of: events.length, attempt: context.attempt });
  }`,
    { before: `import { existsSync } from 'node:fs';\nimport { setTimeout as sleep } from 'node:timers/promises';` },
  );
}

/** Writes another file and renames it, as editors do. */
function save(name: string, text: string): void {
  writeFileSync(join(folder, `${name}.plugin.ts.tmp`), text);
  renameSync(join(folder, `${name}.plugin.ts.tmp`), join(folder, `${name}.plugin.ts`));
}
const signal = (name: string): void => writeFileSync(join(signals, name), '');
const publish = (subject: string, n: number, more: object = {}): void =>
  nats.publish(subject, JSON.stringify({ n, ...more }));
const said = (plugin: string, msg: string): LogLine[] => host.logged(msg).filter((line) => line['plugin'] === plugin);
const numbers = (lines: readonly LogLine[]): number[] => lines.map((line) => Number(line['n'])).sort((a, b) => a - b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const status = async (plugin: string): Promise<PluginStatus> =>
  eventually(async () => (await ask(nats)).find((one) => one.plugin === plugin));
const swapped = (plugin: string, times = 1): Promise<unknown> =>
  eventually(() => said(plugin, 'a plugin has a new version').length >= times);

test('running handlers end on the old version, and buffered events run on the new one; then the old one is stopped', async () => {
  for (const n of upTo(10)) publish('video.twin', n);
  save('twin', source('Twin', 'v1', { options: 'concurrency: 2', until: 'twin' }));
  await eventually(() => said('twin', 'begins').length === 2);
  save('twin', source('Twin', 'v2', { options: 'concurrency: 4' }));
  // Two of its four places are taken by runs of the old version.
  await eventually(() => said('twin', 'ends').length === 8);
  expect(new Set(said('twin', 'ends').map(({ text }) => text))).toEqual(new Set(['v2']));
  expect(said('twin', 'stopped')).toEqual([]);
  signal('twin');
  await eventually(() => said('twin', 'ends').length === 10);
  expect(numbers(said('twin', 'ends'))).toEqual(upTo(10));
  expect(said('twin', 'begins')).toHaveLength(10);
  // Its runs are over, and the new version has handled events.
  await eventually(() => said('twin', 'stopped').length === 1);
  expect(said('twin', 'stopped')[0]).toMatchObject({ text: 'v1' });
  const jsm = await nats.jetstreamManager();
  const { delivered, num_redelivered } = await jsm.consumers.info('EVENTS', 'twin-handle');
  expect({ deliveries: delivered.consumer_seq, redelivered: num_redelivered }).toEqual({
    deliveries: 10,
    redelivered: 0,
  });
  expect((await status('twin')).handlers[0]).toMatchObject({ handled: 10 });
});

test('an event waits for an event of its key that runs on the old version', async () => {
  publish('video.keyed', 0, { user: 'a' });
  save('keyed', source('Keyed', 'v1', { options: `key: 'user'`, until: 'keyed' }));
  await eventually(() => said('keyed', 'begins').length === 1);
  for (const n of [1, 2]) publish('video.keyed', n, { user: 'a' });
  save('keyed', source('Keyed', 'v2', { options: `key: 'user'` }));
  await swapped('keyed');
  publish('video.keyed', 3, { user: 'b' });
  await eventually(() => numbers(said('keyed', 'ends')).includes(3));
  expect(numbers(said('keyed', 'begins'))).toEqual([0, 3]);
  signal('keyed');
  await eventually(() => said('keyed', 'ends').length === 4);
  expect(said('keyed', 'ends').map(({ n, text }) => [n, text])).toEqual([
    [3, 'v2'],
    [0, 'v1'],
    [1, 'v2'],
    [2, 'v2'],
  ]);
});

test('a batch runs on one version', async () => {
  const batch = 'batch: { size: 5, wait: "100ms" }, concurrency: 1';
  const contract = `VideoBatched, `;
  const made = (text: string, until?: string): string =>
    source('Batched', text, { options: batch, ...(until && { until }) })
      .replace(`@Subscribe('video.batched', `, `@Subscribe(${contract}`)
      .replace(
        '@Plugin()',
        `class VideoBatched extends defineEvent('video.batched', z.object({ n: z.number() })) {}\n@Plugin()`,
      );
  for (const n of upTo(20)) publish('video.batched', n);
  save('batched', made('v1', 'batched'));
  await eventually(() => said('batched', 'begins').length === 5);
  save('batched', made('v2'));
  await swapped('batched');
  signal('batched');
  await eventually(() => said('batched', 'ends').length === 20);
  expect(numbers(said('batched', 'ends'))).toEqual(upTo(20));
  expect(said('batched', 'ends').map(({ text, of }) => `${String(text)} ${String(of)}`)).toEqual([
    ...Array.from({ length: 5 }, () => 'v1 5'),
    ...Array.from({ length: 15 }, () => 'v2 5'),
  ]);
});

test('a handler that gets a key continues in the order of the key, with nothing lost and nothing twice', async () => {
  for (const n of upTo(100)) publish('video.lined', n, { user: `u${n % 3}` });
  const body = 'await sleep(60);';
  save('lined', source('Lined', 'v1', { options: 'concurrency: 4', body }));
  await eventually(() => said('lined', 'ends').length >= 8);
  save('lined', source('Lined', 'v2', { options: `concurrency: 4, key: 'user'`, body }));
  await eventually(() => said('lined', 'ends').length === 100);
  expect(numbers(said('lined', 'ends'))).toEqual(upTo(100));
  const ofKey = said('lined', 'ends').filter(({ n, text }) => text === 'v2' && Number(n) % 3 === 1);
  expect(ofKey.length).toBeGreaterThan(3);
  expect(ofKey.map(({ n }) => n)).toEqual(numbers(ofKey));
  expect((await status('lined')).handlers[0]).toMatchObject({ handled: 100 });
});

test('a handler with a new name begins, and the durable that the old one leaves is reported with its pending events', async () => {
  save('named', source('Named', 'v1', { options: 'concurrency: 1', until: 'named', body: '' }));
  for (const n of upTo(50)) publish('video.named', n);
  await eventually(() => said('named', 'begins').length === 1);
  save('named', source('Named', 'v2', { method: 'other' }));
  await eventually(() => numbers(said('named', 'ends').filter(({ text }) => text === 'v2')).length === 50);
  signal('named');
  const [left] = await eventually(() => {
    const lines = said('named', 'a handler is gone; its durable consumer stays');
    return lines.length > 0 && lines;
  });
  expect(left).toMatchObject({ level: 'warn', durable: 'named-handle', stream: 'EVENTS', pending: expect.any(Number) });
  expect((await status('named')).handlers.map(({ durable }) => durable)).toEqual(['named-other']);
});

test('an edit that would need a new durable is refused with the reason, and the old version runs on', async () => {
  save('fixed', source('Fixed', 'v1'));
  await eventually(() => said('fixed', 'a plugin is loaded').length === 1);
  save('fixed', source('Fixed', 'v2', { subject: 'user.fixed' }));
  const [line] = await eventually(() => {
    const lines = said('fixed', 'a plugin’s new version is refused; the old one runs on');
    return lines.length > 0 && lines;
  });
  expect(line).toMatchObject({ code: 'JP_CONSUMER_NOT_UPDATABLE', error: expect.stringContaining('OTHERS') });
  publish('video.fixed', 1);
  await eventually(() => said('fixed', 'ends').length === 1);
  expect(said('fixed', 'ends')[0]).toMatchObject({ text: 'v1' });
  const { state, error, reloads } = await status('fixed');
  expect({ state, code: error?.code }).toEqual({ state: 'running', code: 'JP_CONSUMER_NOT_UPDATABLE' });
  expect(reloads.map(({ outcome }) => outcome)).toEqual(['loaded', 'refused']);
});

test('the outcome of each change is counted, and the last ones are shown', async () => {
  const metrics = await (await fetch(`${host.url}/metrics`)).text();
  expect(metrics).toContain('jetplug_reloads_total{plugin="twin",outcome="loaded"} 1');
  expect(metrics).toContain('jetplug_reloads_total{plugin="twin",outcome="swapped"} 1');
  expect(metrics).toContain('jetplug_reloads_total{plugin="fixed",outcome="refused"} 1');
  const { reloads, version } = await status('twin');
  expect(reloads.at(-1)).toEqual({
    outcome: 'swapped',
    version,
    time: expect.stringMatching(/^\d{4}-/),
    tookMs: expect.any(Number),
  });
  expect(host.noise).toEqual([]);
});
