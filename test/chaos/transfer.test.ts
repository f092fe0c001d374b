import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager, NatsConnection } from 'nats';
import { JetStreamLog } from '../../host/nats/commit-log';
import type { Connection } from '../../host/nats/connection';
import { Bucket } from '../../host/nats/bucket';
import { readCommitted } from '../../host/records/commits/read-committed';
import { jetplug } from '../support/cli';
import { allSettled } from '../support/durables';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';
import { audit, BANK, BANK_SUBJECTS, deviations, KEYS, NO_DEVIATIONS, slowTransfer, transfer } from './bank';
import { BucketLag, type Lags } from './bucket-lag';
import { SteadyLoad } from './load';
import { between, count, report, seconds } from './proof';

const KILLS = count(6, 100);
const TRANSFERS_PER_SECOND = 200;
const SLOW_TRANSFERS_PER_SECOND = 50;
const AUDITS_PER_SECOND = 10;
/** The load at which the lag of the bucket is measured. */
const BUSY_TRANSFERS_PER_SECOND = 2_000;
const BUSY_MS = count(8_000, 30_000);
const LONGEST_DRAIN_MS = 300_000;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;
let plugins: readonly string[];
let hosts: [TestHost, TestHost];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  connection = await scene.connection(server);
  plugins = [scene.folder({ 'bank.plugin.ts': BANK })];
  hosts = [await start(), await start()];
});
afterAll(() => scene.end());

test('one of two hosts is killed repeatedly while amounts are transferred: each transfer counts once, and no reader sees a wrong sum', async () => {
  const beganMs = performance.now();
  const loads = [
    new SteadyLoad(nats, 'transfer', TRANSFERS_PER_SECOND, transfer),
    new SteadyLoad(nats, 'slow', SLOW_TRANSFERS_PER_SECOND, slowTransfer),
    new SteadyLoad(nats, 'audit', AUDITS_PER_SECOND, audit),
  ];
  const readers = [repeated(() => sumOfAll(), 50), repeated(sumOfNamed, 50), repeated(sumByCommand, 500)];
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(between(300, 2_500));
    const victim = kill % 2;
    await hosts[victim]!.kill();
    hosts[victim] = await start();
  }
  for (const load of loads) await load.end();
  await allSettled(jsm, ['EVENTS'], LONGEST_DRAIN_MS);
  const sums = await Promise.all(readers.map((reader) => reader.end()));

  const { events, ...found } = await deviations(nats);
  report(
    'transfer',
    `${KILLS} kills, ${events} events, ${sums.map(({ length }) => length).join(', ')} sums of all keys, of named keys and ` +
      'by the command; ' +
      `${seconds(performance.now() - beganMs)} in all`,
  );
  expect(found).toEqual(NO_DEVIATIONS);
  expect(sums.map((each) => each.filter((sum) => sum !== 0))).toEqual([[], [], []]);
});

test('the lag of the bucket behind the log is measured at 2,000 events/s, with two hosts and with one', async () => {
  const two = await measureLag('two');
  await hosts[1].stop();
  const one = await measureLag('one');
  report('transfer: lag of the bucket', `two hosts: ${textOf(two)}; one host: ${textOf(one)}`);
  expect(await deviations(nats)).toMatchObject(NO_DEVIATIONS);
});

function start(): Promise<TestHost> {
  const streams = [{ name: 'EVENTS', subjects: BANK_SUBJECTS }];
  const config = { delivery: { ackWait: '3s' }, streams };
  return scene.host({ server, plugins, config, flags: ['--no-watch'] });
}

/** Calls the function again and again, with pauses, until its end; resolves with all results. */
function repeated<T>(read: () => Promise<T>, pauseMs: number): { end(): Promise<readonly T[]> } {
  const results: T[] = [];
  const over = new AbortController();
  const running = (async () => {
    while (!over.signal.aborted) {
      results.push(await read());
      await sleep(pauseMs);
    }
  })();
  return {
    end: async () => {
      over.abort();
      await running;
      return results;
    },
  };
}

/** Reads the accounts as the command does, without the time for its start. */
async function sumOfAll(only?: readonly string[]): Promise<number> {
  const log = await JetStreamLog.find(connection, 'bank');
  const texts = await readCommitted(log, Bucket.at(connection, 'jetplug-bank'), only);
  return sumOf([...texts.values()].map(Number));
}

const sumOfNamed = (): Promise<number> => sumOfAll(KEYS);

async function sumByCommand(): Promise<number> {
  const { stdout, stderr, json } = await jetplug(['store', 'bank', '--json', '--servers', server.url]);
  if (stdout === '') throw new Error(stderr);
  return sumOf(json<{ value: number }[]>().map(({ value }) => value));
}

const sumOf = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0);

interface Measured {
  readonly lags: Lags;
  readonly perSecond: number;
}

async function measureLag(name: string): Promise<Measured> {
  const lag = await BucketLag.begin(nats, 'bank');
  const beganMs = performance.now();
  const load = new SteadyLoad(nats, `busy-${name}`, BUSY_TRANSFERS_PER_SECOND, transfer);
  await sleep(BUSY_MS);
  const sent = await load.end();
  await allSettled(jsm, ['EVENTS'], LONGEST_DRAIN_MS);
  const tookMs = performance.now() - beganMs;
  return { lags: await lag.end(), perSecond: (sent * 1_000) / tookMs };
}

function textOf({ lags: { changes, p50Ms, p99Ms, mostMs }, perSecond }: Measured): string {
  return `p50 ${p50Ms} ms, p99 ${p99Ms} ms, at most ${mostMs} ms (${changes} changes, ${perSecond.toFixed(0)} events/s)`;
}
