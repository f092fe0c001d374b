/**
 * Three hosts on one server, each with a plugins folder of its own, are restarted one after the other under load: first as
 * they are, then with changed plugins. At last the changed plugins are written into the folders of running hosts. For
 * longer loads: `npm run test:chaos -- --full rolling`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager, NatsConnection } from 'nats';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';
import { Ledger, longestGap } from './ledger';
import { SteadyLoad } from './load';
import { count, report, seconds } from './proof';
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
const PER_SECOND = { counted: 300, ordered: 300 };
/** Between two hosts, as long as an orchestrator waits for a host that is ready. */
const BETWEEN_MS = count(3_000, 10_000);
const ROUNDS = count(1, 5);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let shared: Ledger;
let ordered: readonly Ledger[];
let folders: readonly string[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  const times = scene.folder();
  shared = new Ledger(times, 'counted');
  ordered = Array.from({ length: ORDERED }, (_, i) => new Ledger(times, `ordered${i}`));
  folders = Array.from({ length: HOSTS }, () => scene.folder());
  for (const folder of folders) deploy(folder, 'v1');
});
afterAll(() => scene.end());

test('three hosts are restarted, and get changed plugins, one after the other under load: each event counts once, in order', async () => {
  const hosts = await Promise.all(folders.map(start));
  const loads = [
    new SteadyLoad(nats, 'counted', PER_SECOND.counted, countedEvent),
    new SteadyLoad(nats, 'ordered', PER_SECOND.ordered, (n) => orderedEvent(n, ORDERED)),
  ];
  await sleep(BETWEEN_MS);
  const restart = async (i: number): Promise<void> => {
    expect(await hosts[i]!.stop()).toBe(0);
    hosts[i] = await start(folders[i]!);
  };
  const pauses: string[] = [];
  let version = 'v1';
  for (let round = 0; round < ROUNDS; round++) {
    pauses.push(await pausesOf('restart', restart));
    version = `restarted${round}`;
    pauses.push(
      await pausesOf('deploy', async (i) => {
        deploy(folders[i]!, version);
        await restart(i);
      }),
    );
    expect(await versionsOfNextEvents()).toEqual([version]);
    version = `swapped${round}`;
    pauses.push(
      await pausesOf('reload', async (i) => {
        const before = hosts[i]!.logged(SWAPPED).length;
        deploy(folders[i]!, version);
        await eventually(() => hosts[i]!.logged(SWAPPED).length === before + 1 + ORDERED);
      }),
    );
    expect(await versionsOfNextEvents()).toEqual([version]);
  }
  const published = (await Promise.all(loads.map((load) => load.end()))).reduce((sum, events) => sum + events);
  await allSettled(jsm, ['EVENTS'], 120_000);

  const { events, ...faults } = await spreadFaults(nats);
  report('rolling', `${events} events, ${JSON.stringify(faults)}; longest pause of a handler: ${pauses.join('; ')}`);
  expect({ events, ...faults }).toEqual({ events: published, ...NO_SPREAD_FAULTS });
});

const SWAPPED = 'a plugin has a new version';

function start(folder: string): Promise<TestHost> {
  return scene.host({ server, plugins: [folder] });
}

function deploy(folder: string, version: string): void {
  writeFileSync(join(folder, 'counted.plugin.ts'), countedPlugin(shared, version));
  ordered.forEach((ledger, i) =>
    writeFileSync(join(folder, `ordered${i}.plugin.ts`), orderedPlugin(i, ledger, version)),
  );
}

/** Changes the hosts one after the other, and returns how long the handlers paused at most. */
async function pausesOf(name: string, change: (host: number) => Promise<void>): Promise<string> {
  const beganMs = Date.now();
  for (let i = 0; i < HOSTS; i++) {
    await change(i);
    await sleep(BETWEEN_MS);
  }
  const endedMs = Date.now();
  const pauseOf = ({ entries }: Ledger): number =>
    longestGap(
      entries.map(({ atMs }) => atMs).sort((a, b) => a - b),
      beganMs,
      endedMs,
    );
  return `${name}: shared ${seconds(pauseOf(shared))}, in order ${seconds(Math.max(...ordered.map(pauseOf)))}`;
}

/** The versions that handle the events of the next moments. */
async function versionsOfNextEvents(): Promise<string[]> {
  const ledgers = [shared, ...ordered];
  const before = ledgers.map(({ length }) => length);
  await eventually(() => ledgers.every(({ length }, i) => length >= before[i]! + 50));
  return [...new Set(ledgers.flatMap(({ entries }, i) => entries.slice(before[i]).map(({ version }) => version)))];
}
