import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore, readStream } from '../support/stored';
import { count, report } from './proof';

const PAYLOADS = count(10_000, 100_000);
/** One in this many events is valid. Only the valid ones may reach the handler. */
const GOOD_EVERY = 100;
const UNDER_WAY = 100;
const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const MAX_BYTES = 8_192;
const SAMPLE_MS = 100;
/** A heap so small that garbage must be collected, and that a host which kept 2 KiB of each event would run out of memory. */
const LITTLE_MEMORY = { NODE_OPTIONS: '--max-old-space-size=64 --max-semi-space-size=2' };
/** How much the memory may grow from the second quarter to the last, as garbage is collected at any time. */
const MOST_GROWTH = 1.25;

const WITNESS = pluginSource(
  'WitnessPlugin',
  `  constructor(private readonly seen: Store<number>) {}
  @Subscribe({ from: 'beginning', concurrency: 32 })
  async see(event: VideoWatchStarted) {
    await this.seen.update(event.user_id + ' ' + event.video_id, (n = 0) => n + 1);
  }`,
);

interface Malformed {
  readonly payload: Uint8Array;
  readonly reason: string;
}

const GOOD = { user_id: 'good', video_id: 'v1' };
const textOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const isJson = (bytes: Uint8Array): boolean => {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
};

const plainValue = fc.jsonValue({ maxDepth: 3 });
/** Without keys that reach for a prototype, which are refused before the validation. */
const notText = plainValue.filter(
  (value) => typeof value !== 'string' && !/"(__proto__|constructor)"/.test(JSON.stringify(value)),
);
const notJson = fc
  .oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ maxLength: 200 }).map((text) => Buffer.from(text)),
    fc.nat(textOf(GOOD).length - 1).map((length) => textOf(GOOD).subarray(0, length)),
  )
  .filter((bytes) => !isJson(bytes));
const noObject = fc.oneof(fc.array(plainValue), fc.string(), fc.double(), fc.boolean(), fc.constant(null));
const reaching = fc.constantFrom('"__proto__":{"a":1}', '"a":[{"__proto__":1}]', '"constructor":{"prototype":{}}');
const badEnvelope = fc.oneof(
  fc.record({ event_type: fc.string().filter((type) => type !== 'video.watch_started') }),
  fc.record({ event_id: fc.oneof(fc.double(), fc.boolean(), fc.constant('')) }),
  fc.record({ timestamp: fc.oneof(fc.integer(), fc.lorem()) }),
);
const badFields = fc.oneof(
  fc.record({ user_id: notText }),
  fc.record({ video_id: notText }),
  fc.constantFrom({ user_id: '' }, { video_id: 'v'.repeat(171) }, { user_id: undefined }, { video_id: undefined }),
);

/** Payloads that no handler may get, each with the reason that its dead letter must have. */
const malformed: fc.Arbitrary<Malformed> = fc.oneof(
  notJson.map((payload) => ({ payload, reason: 'invalid-json' })),
  noObject.map((value) => ({ payload: textOf(value), reason: 'invalid-envelope' })),
  reaching.map((text) => ({
    payload: Buffer.from(`{"user_id":"bad","video_id":"v1",${text}}`),
    reason: 'invalid-envelope',
  })),
  badEnvelope.map((fields) => ({
    payload: textOf({ user_id: 'bad', video_id: 'v1', ...fields }),
    reason: 'invalid-envelope',
  })),
  badFields.map((fields) => ({ payload: textOf({ user_id: 'bad', video_id: 'v1', ...fields }), reason: 'schema' })),
  fc.integer({ min: 65, max: 2_000 }).map((depth) => ({
    payload: Buffer.from(`{"user_id":"bad","video_id":"v1","deep":${'['.repeat(depth)}${']'.repeat(depth)}}`),
    reason: 'too-deep',
  })),
  fc.integer({ min: MAX_BYTES, max: 3 * MAX_BYTES }).map((size) => ({
    payload: textOf({ ...GOOD, user_id: 'bad', filler: 'x'.repeat(size) }),
    reason: 'too-large',
  })),
);

const scene = new Scene();
afterAll(() => scene.end());

test('no random malformed payload reaches the handler, each has a dead letter with its reason, and the memory stays flat', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const plugins = [scene.folder({ 'witness.plugin.ts': WITNESS })];
  const config = { delivery: { maxPayload: MAX_BYTES } };
  const host = await scene.host({ server, plugins, config, flags: ['--no-watch'], env: LITTLE_MEMORY });
  const payloads = fc.sample(malformed, { numRuns: PAYLOADS, seed: SEED });

  const memory = new Memory(host.pid);
  const reasons = await publishAll(nats, payloads);
  const jsm = await nats.jetstreamManager();
  await eventually(async () => (await jsm.streams.info('DEAD')).state.messages >= PAYLOADS, 300_000);
  const growth = await memory.end();

  const letters = await readStream(nats, 'DEAD');
  const found = letters.map((letter) => [
    Number(letter.header('x-original-sequence')),
    letter.header('x-dead-letter-reason'),
  ]);
  expect(sorted(found)).toEqual(sorted([...reasons]));
  expect(await readStore(nats, 'witness')).toEqual({ 'good v1': Math.ceil(PAYLOADS / GOOD_EVERY) });
  expect(growth.ratio).toBeLessThan(MOST_GROWTH);
  report(
    'malformed',
    `${PAYLOADS} payloads (CHAOS_SEED=${SEED}), none reached the handler, ${letters.length} dead letters with their ` +
      `reasons, ${new Set(payloads.map(({ reason }) => reason)).size} reasons; memory ${growth.secondMiB} MiB in the ` +
      `second quarter, ${growth.lastMiB} MiB in the last`,
  );
});

/** Publishes all payloads with valid events between. Resolves with the expected reason for each sequence. */
async function publishAll(nats: NatsConnection, payloads: readonly Malformed[]): Promise<Map<number, string>> {
  const js = nats.jetstream();
  const reasons = new Map<number, string>();
  for (let i = 0; i < payloads.length; i += UNDER_WAY) {
    await Promise.all(
      payloads.slice(i, i + UNDER_WAY).map(async ({ payload, reason }) => {
        const { seq } = await js.publish('video.watch_started', payload);
        reasons.set(seq, reason);
      }),
    );
    if (i % GOOD_EVERY === 0) await js.publish('video.watch_started', textOf(GOOD));
  }
  return reasons;
}

function sorted(letters: unknown[][]): unknown[][] {
  return letters.sort(([a], [b]) => Number(a) - Number(b));
}

/** Samples the memory of a process at an interval. */
class Memory {
  private readonly samplesKiB: number[] = [];
  private ended = false;
  private readonly running: Promise<void>;

  constructor(private readonly pid: number) {
    this.running = this.run();
  }

  /** The growth of the medians from the second quarter to the last. */
  async end(): Promise<{ ratio: number; secondMiB: number; lastMiB: number }> {
    this.ended = true;
    await this.running;
    const quarter = (nth: number): number[] => {
      const { length } = this.samplesKiB;
      return this.samplesKiB.slice(Math.floor((nth * length) / 4), Math.floor(((nth + 1) * length) / 4));
    };
    const [second, last] = [median(quarter(1)), median(quarter(3))];
    return { ratio: last / second, secondMiB: Math.round(second / 1_024), lastMiB: Math.round(last / 1_024) };
  }

  private async run(): Promise<void> {
    for (; !this.ended; await sleep(SAMPLE_MS)) {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      this.samplesKiB.push(Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]));
    }
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
