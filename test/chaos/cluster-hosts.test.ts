/**
 * Three servers, with all streams on all of them, and three hosts. Every few seconds a random server or a random host is
 * killed under a load of 1,000 events a second. For five minutes of it: `npm run test:chaos -- --full cluster-hosts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager, NatsConnection } from 'nats';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestCluster } from '../support/nats-cluster';
import { Scene } from '../support/scene';
import { Ledger, longestGap, percentile } from './ledger';
import { SteadyLoad } from './load';
import { between, count, report, seconds } from './proof';
import { allCurrent, saysLoss } from './replicas';
import {
  countedEvent,
  countedPlugin,
  NO_SPREAD_FAULTS,
  orderedEvent,
  orderedPlugin,
  spreadFaults,
} from './spread-plugins';

const HOSTS = 3;
const ORDERED = 3;
const PER_SECOND = { counted: 500, ordered: 500 };
const KILLING_MS = count(30_000, 300_000);
const CURRENT_MS = 120_000;
const LONGEST_DRAIN_MS = 300_000;

const scene = new Scene();
let cluster: TestCluster;
let nats: NatsConnection;
let jsm: JetStreamManager;
let shared: Ledger;
let ordered: readonly Ledger[];
let plugins: readonly string[];

beforeAll(async () => {
  cluster = await scene.cluster();
  nats = await scene.client(...cluster.urls);
  jsm = await nats.jetstreamManager();
  const times = scene.folder();
  shared = new Ledger(times, 'counted');
  ordered = Array.from({ length: ORDERED }, (_, i) => new Ledger(times, `ordered${i}`));
  const files = ordered.map((ledger, i) => [`ordered${i}.plugin.ts`, orderedPlugin(i, ledger)] as const);
  plugins = [scene.folder({ 'counted.plugin.ts': countedPlugin(shared), ...Object.fromEntries(files) })];
}, 60_000);
afterAll(() => scene.end());

test('servers and hosts of a cluster are killed at random under load: nothing is lost, and the order by key holds', async () => {
  const started: TestHost[] = [];
  const start = async (): Promise<TestHost> => {
    const host = await startHost();
    started.push(host);
    return host;
  };
  const hosts = [await start(), await start(), await start()];
  await eventually(() => allCurrent(jsm, cluster), CURRENT_MS);
  const loads = [
    new SteadyLoad(nats, 'counted', PER_SECOND.counted, countedEvent),
    new SteadyLoad(nats, 'ordered', PER_SECOND.ordered, (n) => orderedEvent(n, ORDERED)),
  ];
  await sleep(3_000);
  const kills = { server: 0, host: 0 };
  const beganMs = Date.now();
  for (let kill = 0; Date.now() - beganMs < KILLING_MS; kill++) {
    if (kill % 2 === 0) {
      // With two servers behind, the third one alone would have the newest events.
      await eventually(() => allCurrent(jsm, cluster), CURRENT_MS);
      const server = cluster.names[Math.floor(Math.random() * cluster.names.length)]!;
      await cluster.kill(server);
      kills.server++;
      await sleep(between(500, 3_000));
      cluster.restart(server);
    } else {
      const victim = Math.floor(Math.random() * HOSTS);
      await hosts[victim]!.kill();
      kills.host++;
      await sleep(between(500, 3_000));
      hosts[victim] = await start();
    }
    await sleep(between(1_000, 3_000));
  }
  const endedMs = Date.now();
  const published = (await Promise.all(loads.map((load) => load.end()))).reduce((sum, events) => sum + events);
  const loadMs = Date.now() - beganMs + 3_000;
  await allSettled(jsm, ['EVENTS'], LONGEST_DRAIN_MS);
  await eventually(() => allCurrent(jsm, cluster), CURRENT_MS);

  const { events, ...faults } = await spreadFaults(nats);
  const confirmed = loads.flatMap((load) => load.confirmedAfterMs);
  const pauseOf = ({ entries }: Ledger): number =>
    longestGap(
      entries.map(({ atMs }) => atMs).sort((a, b) => a - b),
      beganMs,
      endedMs,
    );
  report(
    'cluster-hosts',
    `${kills.server} kills of a server and ${kills.host} of a host in ${seconds(endedMs - beganMs)}; ${events} events, ` +
      `${Math.round((1_000 * events) / loadMs)}/s, ${JSON.stringify(faults)}; confirmed after p50 ` +
      `${percentile(confirmed, 0.5).toFixed(1)} ms, p99 ${seconds(percentile(confirmed, 0.99))}, most ` +
      `${seconds(percentile(confirmed, 1))}; longest pause of the shared handler ${seconds(pauseOf(shared))}, of one in ` +
      `order ${seconds(Math.max(...ordered.map(pauseOf)))}`,
  );
  const losses = started.flatMap(({ lines }) => lines.filter(saysLoss));
  expect({ events, ...faults, losses }).toEqual({ events: published, ...NO_SPREAD_FAULTS, losses: [] });
});

function startHost(): Promise<TestHost> {
  const streams = [{ name: 'EVENTS', subjects: ['video.>', 'badge.>'], replicas: cluster.names.length }];
  return scene.host({
    server: { url: cluster.urls[0]! },
    flags: ['--no-watch', '--servers', ...cluster.urls],
    plugins,
    config: { delivery: { ackWait: '3s' }, streams },
  });
}
