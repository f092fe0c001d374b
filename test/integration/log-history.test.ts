/** The removal of old commits from a log on a server. The test moves the clock by which a host tells the age of checkpoints. */
import type { JetStreamManager } from 'nats';
import { machineTime } from '../../host/base/time';
import { Bucket } from '../../host/nats/bucket';
import { JetStreamLog } from '../../host/nats/commit-log';
import type { Connection } from '../../host/nats/connection';
import type { PluginLog } from '../../host/records/commits/plugin-log';
import { eventually } from '../support/eventually';
import { openLog } from '../support/plugin-log';
import { Scene } from '../support/scene';

const FIVE_MINUTES_MS = 300_000;
const KEYS = 7;
const ORIGIN = { handler: 'count', timeMs: 1 };

const scene = new Scene();
let connection: Connection;
let jsm: JetStreamManager;
let movedMs: number;
const time = { ...machineTime, nowMs: () => machineTime.nowMs() + movedMs };

beforeAll(async () => {
  const server = await scene.server();
  jsm = await (await scene.client(server.url)).jetstreamManager();
  connection = await scene.connection(server);
});
beforeEach(() => (movedMs = 0));
afterAll(() => scene.end());

async function open(plugin: string, historyMs: number, logMaxBytes = -1): Promise<PluginLog> {
  const store = { maxBytes: -1, historyMs, logMaxBytes };
  const config = { deploy: { name: 'jetplug', allowDataLoss: false }, streams: [], store };
  const bucket = await Bucket.open(connection, `jetplug-${plugin}`, config);
  return openLog(await JetStreamLog.open(connection, plugin, config), bucket, { time, historyMs });
}

/** Adds one to each of the keys. */
async function count(log: PluginLog, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await log.transactions.change(`k${i % KEYS}`, (text) => String(Number(text ?? 0) + 1), ORIGIN);
  }
}

async function stateOf(plugin: string): Promise<{ messages: number; first_seq: number; bytes: number }> {
  return (await jsm.streams.info(`LOG_jetplug-${plugin}`)).state;
}

test('old commits are removed when the bucket has had them for five minutes, and the values stay', async () => {
  const log = await open('old', 1_000);
  await count(log, 2 * KEYS);
  // Longer than the history.
  await eventually(async () => (await stateOf('old')).messages === 2 * KEYS && log.folded.unfilled.size === 0, 10_000);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect((await stateOf('old')).first_seq).toBe(1);
  await eventually(async () => {
    movedMs += FIVE_MINUTES_MS;
    return (await stateOf('old')).messages === 0;
  }, 20_000);
  await log.close();
  expect(await (await open('old', 1_000)).get('k1')).toBe('2');
}, 60_000);

test('a full log drops history, and runs are committed on', async () => {
  const log = await open('full', 1e9, 16 * 1024);
  const total = 200;
  const counted = count(log, total).then(() => true);
  await eventually(() => log.problem?.includes('is full') ?? false, 30_000);
  const { first_seq: first } = await stateOf('full');
  expect(first).toBe(1);
  const isOver = (): Promise<boolean> => Promise.race([counted, Promise.resolve(false)]);
  await eventually(async () => {
    movedMs += FIVE_MINUTES_MS;
    return isOver();
  }, 60_000);
  const { first_seq, bytes } = await stateOf('full');
  expect(first_seq).toBeGreaterThan(1);
  expect(bytes).toBeLessThanOrEqual(16 * 1024);
  expect(await log.get('k0')).toBe(String(Math.ceil(total / KEYS)));
}, 90_000);
