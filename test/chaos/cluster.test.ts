/** Three servers, each a process of its own, with all streams on all of them. Leaders are killed under the load of two hosts. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestCluster } from '../support/nats-cluster';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore, readStream, type StoredMessage } from '../support/stored';
import { SteadyLoad } from './load';
import { between, count, report, seconds } from './proof';
import { allCurrent, saysLoss } from './replicas';

const KILLS = count(4, 16);
const TICKS_PER_SECOND = 150;
const WAITING_TICKS_PER_SECOND = 50;
const KEYS = 100;
const LONGEST_DRAIN_MS = 300_000;
const CURRENT_MS = 120_000;

/** Counts each tick under itself, under a key that some ticks share, and under one that all share. */
const COUNTING = pluginSource(
  'CountingPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.tick', { from: 'beginning', concurrency: 16 })
  async count(event: any, context: EventContext) {
    await this.counts.update('total', (n = 0) => n + 1);
    await this.add(event, context);
  }
  @Subscribe('video.waiting', { from: 'beginning', concurrency: 16 })
  async wait(event: any, context: EventContext) {
    const before = (await this.counts.get('key.' + event.key)) ?? 0;
    await new Promise((resolve) => setTimeout(resolve, event.n % 20));
    await this.add(event, context, before + 1);
  }
  private async add(event: any, context: EventContext, sum?: number) {
    await this.counts.update('key.' + event.key, (n = 0) => sum ?? n + 1);
    await this.counts.scope<number>('events').update(String(context.sequence), (n = 0) => n + 1);
    await this.events.publish('badge.ticked', { sequence: context.sequence });
  }`,
);

const scene = new Scene();
let cluster: TestCluster;
let nats: NatsConnection;
let jsm: JetStreamManager;

beforeAll(async () => {
  cluster = await scene.cluster();
  nats = await scene.client(...cluster.urls);
  jsm = await nats.jetstreamManager();
}, 60_000);
afterAll(() => scene.end());

test('leaders of a cluster are killed under the load of two hosts: every event counts once, and is published once', async () => {
  const beganMs = performance.now();
  const plugins = [scene.folder({ 'counting.plugin.ts': COUNTING })];
  const hosts = [await start(plugins), await start(plugins)];
  const loads = [load('tick', TICKS_PER_SECOND), load('waiting', WAITING_TICKS_PER_SECOND)];
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(between(500, 2_000));
    // With two servers behind, the third one alone would have the newest events.
    await eventually(() => allCurrent(jsm, cluster), CURRENT_MS);
    const leader = await eventually(LEADERS[kill % LEADERS.length]!);
    await cluster.kill(leader);
    await sleep(between(500, 5_000));
    cluster.restart(leader);
  }
  for (const each of loads) await each.end();
  const endedMs = performance.now();
  await allSettled(jsm, ['EVENTS'], LONGEST_DRAIN_MS);
  const drainedMs = performance.now() - endedMs;
  await eventually(() => allCurrent(jsm, cluster), CURRENT_MS);

  const { events, ...found } = await compare();
  const differences = { ...found, givenUp: hosts.flatMap(({ lines }) => lines.filter(saysLoss)).length };
  report(
    'cluster',
    `${KILLS} kills of a leader, ${events} events, ${textOf(differences)}; ` +
      `drained ${seconds(drainedMs)} after the load, ${seconds(performance.now() - beganMs)} in all`,
  );
  expect(differences).toEqual({ ...NO_DIFFERENCES, givenUp: 0 });
});

/** Finds the server that leads a stream or a durable. The kills take them in turn. */
const LEADERS: readonly (() => Promise<string | undefined>)[] = [
  async () => (await jsm.streams.info('LOG_jetplug-counting')).cluster?.leader,
  async () => (await jsm.streams.info('KV_jetplug-counting')).cluster?.leader,
  async () => (await jsm.streams.info('EVENTS')).cluster?.leader,
  async () => (await jsm.consumers.info('EVENTS', 'counting-count')).cluster?.leader,
];

function start(plugins: readonly string[]): Promise<TestHost> {
  const streams = [{ name: 'EVENTS', subjects: ['video.>', 'badge.>'], replicas: cluster.names.length }];
  return scene.host({
    server: { url: cluster.urls[0]! },
    flags: ['--no-watch', '--servers', ...cluster.urls],
    plugins,
    config: { delivery: { ackWait: '3s' }, streams },
  });
}

function load(kind: string, perSecond: number): SteadyLoad {
  return new SteadyLoad(nats, kind, perSecond, (n) => ({
    subject: `video.${kind}`,
    event: { n, key: `k${n % KEYS}` },
  }));
}

interface Differences {
  /** The surplus counts of events, and the events that were not counted. */
  readonly over: number;
  readonly under: number;
  /** The difference of the key that all ticks share, and the keys that some share with a wrong count. */
  readonly total: number;
  readonly wrongKeys: number;
  readonly publishedTwice: number;
  readonly notPublished: number;
  readonly letters: number;
}

const NO_DIFFERENCES: Differences = {
  ...{ over: 0, under: 0, total: 0, wrongKeys: 0, publishedTwice: 0, notPublished: 0, letters: 0 },
};

/** Compares store and published events with the events of the stream. */
async function compare(): Promise<Differences & { readonly events: number }> {
  const all = await readStream(nats, 'EVENTS');
  const published = all
    .filter(({ subject }) => subject === 'badge.ticked')
    .map((event) => event.json<{ sequence: number }>().sequence);
  const causes = all.filter(({ subject }) => subject.startsWith('video.'));
  const store = await readStore(nats, 'counting');
  const stored = (key: string): number => (store[key] ?? 0) as number;
  const counts = causes.map(({ sequence }) => stored(`events/${sequence}`));
  const keys = sumsOf(causes.map((event) => event.json<{ key: string }>().key));
  const once = new Set(published);
  return {
    events: causes.length,
    over: counts.reduce((sum, n) => sum + Math.max(0, n - 1), 0),
    under: counts.filter((n) => n === 0).length,
    total: stored('total') - causes.filter(({ subject }) => subject === 'video.tick').length,
    wrongKeys: [...keys].filter(([key, n]) => stored(`key.${key}`) !== n).length,
    publishedTwice: published.length - once.size,
    notPublished: causes.filter(({ sequence }: StoredMessage) => !once.has(sequence)).length,
    letters: (await storedLetters(nats)).length,
  };
}

function sumsOf(names: readonly string[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const name of names) sums.set(name, (sums.get(name) ?? 0) + 1);
  return sums;
}

function textOf(differences: object): string {
  return Object.entries(differences)
    .map(([name, n]) => `${name} ${String(n)}`)
    .join(', ');
}
