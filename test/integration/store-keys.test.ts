import fc from 'fast-check';
import type { NatsConnection } from 'nats';
import { Bucket } from '../../host/nats/bucket';
import { JetStreamLog } from '../../host/nats/commit-log';
import { Connection } from '../../host/nats/connection';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { openLog, storeOn } from '../support/plugin-log';
import { Scene } from '../support/scene';

const MAX_BYTES = 512;
const KEYS = 300;

const CONFIG = {
  deploy: { name: 'jetplug', allowDataLoss: false },
  store: { maxBytes: -1, historyMs: 1e9, logMaxBytes: -1 },
  streams: [],
};

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let connection: Connection;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  connection = await Connection.open({ servers: [server.url], name: 'store-keys' });
});
afterAll(async () => {
  await connection.close();
  await scene.end();
});

/** As much of the text as fits a key, cut between characters. */
function fitting(text: string): string {
  let [key, bytes] = ['', 0];
  for (const char of text) {
    bytes += Buffer.byteLength(char);
    if (bytes > MAX_BYTES) break;
    key += char;
  }
  return key;
}

/** Strings of 1–512 bytes: short and full ones, with any characters, and with those that NATS or the escaping treat specially. */
const special = fc.constantFrom(
  '.',
  '*',
  '>',
  ' ',
  '=',
  '=.',
  '=2E',
  '/',
  '-',
  '_',
  '$',
  '\r\n',
  '\0',
  '\u007f',
  'é',
  '🎬',
  'a',
);
const keys = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc.string({ unit: 'binary', minLength: MAX_BYTES, maxLength: MAX_BYTES }),
    fc.array(special, { minLength: 1, maxLength: 30 }).map((parts) => parts.join('')),
    fc.array(special, { minLength: MAX_BYTES, maxLength: MAX_BYTES }).map((parts) => parts.join('')),
  )
  .map(fitting);

/** The longest keys on the server, and those that are most easily confused with something else. */
const WORST = [
  ...[' ', '*', '>', '.', '=', '\0', '\n', 'x', '/'].map((char) => char.repeat(MAX_BYTES)),
  ...['é', '🎬'].map((char) => char.repeat(MAX_BYTES / Buffer.byteLength(char))),
  'a.'.repeat(MAX_BYTES / 2),
  '*',
  '>',
  '.',
  ' ',
  'a.>',
  'a.*.b',
  '$KV.jetplug-any.x',
  '__proto__',
  '=',
];

test('any string of 1–512 bytes is a key: it is updated, read, listed and deleted as itself, in log and bucket', async () => {
  const bucket = await Bucket.open(connection, 'jetplug-any', CONFIG);
  const log = await openLog(await JetStreamLog.open(connection, 'any', CONFIG), bucket);
  const store = storeOn<string>(() => Promise.resolve(log), bucket);
  const filled = () => eventually(() => log.folded.unfilled.size === 0, 20_000);
  const drawn = fc.sample(keys, KEYS);
  const all = [...new Set([...WORST, ...drawn])];
  expect(all.filter((key) => Buffer.byteLength(key) === MAX_BYTES).length).toBeGreaterThan(30);
  const scoped = store.scope<string>('other');
  for (let i = 0; i < all.length; i += 50) {
    await Promise.all(
      all.slice(i, i + 50).map(async (key) => {
        expect(await store.update(key, (before) => `${before ?? ''}${key}`)).toBe(key);
        await scoped.update(key, () => 'scoped');
      }),
    );
  }
  for (const key of all) expect(await store.get(key)).toBe(key);
  await filled();
  expect((await store.keys()).sort()).toEqual([...all].sort());
  expect((await scoped.keys()).length).toBe(all.length);
  const { state } = await (await nats.jetstreamManager()).streams.info('KV_jetplug-any', { subjects_filter: '>' });
  const longest = Math.max(...Object.keys(state.subjects!).map((subject) => subject.length));
  console.log(`${all.length} keys; the longest subject has ${longest} characters`);
  await Promise.all(all.map((key) => store.delete(key)));
  await filled();
  expect(await store.keys()).toEqual([]);
  for (const key of WORST) expect(await store.get(key)).toBeUndefined();
  expect((await scoped.keys()).length).toBe(all.length);
}, 60_000);
