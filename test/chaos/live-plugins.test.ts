/** Plugins are added, edited and removed under load. Measures lost and repeated events, and the time until plugins run. */
import { cpSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { Ledger, notOnce, overlaps, percentile } from './ledger';
import { SteadyLoad } from './load';
import { count, report, seconds } from './proof';

const PER_SECOND = 1_000;
const TIMES = count(15, 50);
const KEYS = 100;
const BASELINE_MS = 5_000;
const SETTLED_MS = 60_000;
const DELIVERED_ONCE = 'delivered once';

const scene = new Scene();
let nats: NatsConnection;
let host: TestHost;
let folder: string;
let elsewhere: string;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder();
  elsewhere = scene.folder();
  host = await scene.host({ server, plugins: [folder], config: { shutdown: { grace: '10s' } } });
});
afterAll(() => scene.end());

/** A plugin that records the begin and the end of each run. */
function source(className: string, ledger: Ledger, version: string, { options = '', body = '' } = {}): string {
  return pluginSource(
    className,
    `  @Subscribe('video.load', { ${options} })
  async handle(event: any) {
    note('begin', '${version}', event);
    ${body}
    note('end', '${version}', event);
  }
  onStop() { closeSync(ledger); }`,
    { before: `import { setTimeout as sleep } from 'node:timers/promises';\n${ledger.source}` },
  );
}

const save = (name: string, text: string): void => writeFileSync(join(folder, `${name}.plugin.ts`), text);
const load = (name: string): SteadyLoad =>
  new SteadyLoad(nats, name, PER_SECOND, (n) => ({
    subject: 'video.load',
    event: { n, user_id: `u${n % KEYS}`, video_id: 'v' },
  }));
const lines = (plugin: string, msg: string): number =>
  host.logged(msg).filter((line) => line['plugin'] === plugin).length;
const loaded = (plugin: string): Promise<unknown> => eventually(() => lines(plugin, 'a plugin is loaded') > 0);

async function letters(): Promise<number> {
  const jsm = await nats.jetstreamManager();
  return (await jsm.streams.info('DEAD')).state.messages;
}

async function durables(): Promise<string[]> {
  const jsm = await nats.jetstreamManager();
  const all: string[] = [];
  for await (const { name } of jsm.consumers.list('EVENTS')) all.push(name);
  return all;
}

async function clear(...plugins: string[]): Promise<void> {
  for (const plugin of plugins) {
    unlinkSync(join(folder, `${plugin}.plugin.ts`));
    await eventually(() => lines(plugin, 'a plugin is removed') > 0);
  }
  const jsm = await nats.jetstreamManager();
  for (const durable of await durables()) await jsm.consumers.delete('EVENTS', durable);
}

test(`a plugin's file is copied into the folder, ${TIMES} times at ${PER_SECOND} events/s`, async () => {
  const others = new Ledger(elsewhere, 'others');
  save('other', source('Other', others, 'v'));
  await loaded('other');
  const running = load('drop');
  const handled = (): number => others.length / 2;
  await eventually(() => handled() > PER_SECOND);
  const rateOver = async (work: Promise<unknown>): Promise<number> => {
    const [fromMs, from] = [performance.now(), handled()];
    await work;
    return (handled() - from) / ((performance.now() - fromMs) / 1_000);
  };
  const before = await rateOver(sleep(BASELINE_MS));
  const tookMs: number[] = [];
  const dropAll = async (): Promise<void> => {
    for (let i = 0; i < TIMES; i++) {
      const ledger = new Ledger(elsewhere, `dropped-${i}`);
      const ready = join(elsewhere, `dropped${i}.plugin.ts`);
      writeFileSync(ready, source(`Dropped${i}`, ledger, 'v'));
      const target = join(folder, `dropped${i}.plugin.ts`);
      cpSync(ready, target);
      const copiedAtMs = Date.now();
      const first = await eventually(() => ledger.entries[0]);
      tookMs.push(first.atMs - copiedAtMs);
      unlinkSync(target);
      await eventually(() => lines(`dropped${i}`, 'a plugin is removed') > 0);
    }
  };
  const during = await rateOver(dropAll());
  const events = await running.end();
  await eventually(() => handled() >= events, SETTLED_MS);
  report(
    'dropped in',
    `${TIMES} copies: first event after p50 ${percentile(tookMs, 0.5)} ms, p95 ${percentile(tookMs, 0.95)} ms, most ${Math.max(...tookMs)} ms; ` +
      `the other plugin handled ${before.toFixed(0)}/s before, ${during.toFixed(0)}/s meanwhile`,
  );
  expect(notOnce(others.entries, events)).toEqual(new Map());
  expect(percentile(tookMs, 0.95)).toBeLessThan(1_000);
  // Before this the plugin may still have had a backlog.
  expect(during).toBeGreaterThan(0.9 * Math.min(before, PER_SECOND));
  await clear('other');
});

test.each([
  ['a key', `key: 'user_id'`, true],
  ['no order', '', false],
])(`${TIMES} edits at ${PER_SECOND} events/s, with %s`, async (what, order, ordered) => {
  const name = ordered ? 'keyed' : 'plain';
  const className = ordered ? 'Keyed' : 'Plain';
  const ledger = new Ledger(elsewhere, name);
  const version = (i: number): string =>
    source(className, ledger, `v${i}`, { options: order || 'concurrency: 16', body: 'await sleep(2);' });
  save(name, version(0));
  await loaded(name);
  const running = load(name);
  const loadedAtMs = performance.now();
  await eventually(() => ledger.length > PER_SECOND);
  const sinceMs = performance.now();
  for (let i = 1; i <= TIMES; i++) {
    save(name, version(i));
    await eventually(() => ledger.entries.at(-1)?.version === `v${i}`);
  }
  const tookMs = performance.now() - sinceMs;
  const events = await running.end();
  const publishedMs = performance.now() - loadedAtMs;
  await eventually(() => ledger.length >= 2 * events, SETTLED_MS);
  const { entries } = ledger;
  const versions = new Set(entries.map((entry) => entry.version)).size;
  const jsm = await nats.jetstreamManager();
  const { delivered } = await jsm.consumers.info('EVENTS', `${name}-handle`);
  report(
    `edited, with ${what}`,
    `${TIMES} edits in ${seconds(tookMs)}: ${events} events (${(events / (publishedMs / 1_000)).toFixed(0)}/s), ${versions} versions ran, ${notOnce(entries, events).size} not completed once, ` +
      `${ordered ? `${overlaps(entries).length} overlapped on a key, ` : ''}${delivered.consumer_seq} deliveries, ${await letters()} dead letters`,
  );
  expect(versions).toBe(TIMES + 1);
  expect(notOnce(entries, events)).toEqual(new Map());
  if (ordered) expect(overlaps(entries)).toEqual([]);
  expect({ [DELIVERED_ONCE]: delivered.consumer_seq }).toEqual({ [DELIVERED_ONCE]: events });
  expect(await letters()).toBe(0);
  await clear(name);
});

test(`an edit that throws for each event, at ${PER_SECOND} events/s, is rolled back by itself`, async () => {
  const ledger = new Ledger(elsewhere, 'bad');
  const options = `key: 'user_id'`;
  save('bad', source('Bad', ledger, 'good', { options }));
  await loaded('bad');
  const running = load('bad');
  await eventually(() => ledger.length > PER_SECOND);
  const sinceMs = Date.now();
  save('bad', source('Bad', ledger, 'bad', { options, body: `throw new Error('a bad edit');` }));
  await eventually(() => lines('bad', 'a plugin’s new version failed at everything; the one before is back') > 0);
  const backMs = Date.now() - sinceMs;
  await sleep(2_000);
  const events = await running.end();
  await eventually(() => ledger.entries.filter(({ what }) => what === 'end').length >= events, SETTLED_MS);
  const { entries } = ledger;
  const failed = entries.filter(({ version }) => version === 'bad');
  const held = failed.length > 0 ? Math.max(...failed.map(({ atMs }) => atMs)) - failed[0]!.atMs : 0;
  report(
    'a bad edit',
    `rolled back ${backMs} ms after it was saved; ${failed.length} runs of it within ${held} ms; ${events} events, ` +
      `${notOnce(entries, events).size} not completed once, ${await letters()} dead letters`,
  );
  expect(notOnce(entries, events)).toEqual(new Map());
  expect(await letters()).toBe(0);
  await clear('bad');
  expect(host.noise).toEqual([]);
});
