import { RunRecorder } from '../../../host/records/runs/run-recorder';
import type { RunRecord } from '../../../host/records/runs/run-record';
import { decodeRuns } from '../../../host/records/runs/run-table';
import { groupOf, GROUPS, isSampled } from '../../../host/records/runs/sampling';
import { VirtualTime } from '../../../host/testing/virtual-time';

const record = (n: number, more: Partial<RunRecord> = {}): RunRecord => ({
  ...{ plugin: 'badge', handler: 'award', version: 'v', stream: 'EVENTS', sequence: n, storedAtMs: 0 },
  ...{ subject: 'video.watch_started', id: `e${n}`, root: `e${n}`, attempt: 1 },
  ...{ startedAtMs: 1, ranMs: 1, tookMs: 1, outcome: 'handled', verdict: 'settled', ...more },
});

function setUp() {
  const time = new VirtualTime(0);
  const stored: { group: number; message: Uint8Array }[] = [];
  const failures: number[] = [];
  let refuses = false;
  const recorder = new RunRecorder({
    log: {
      append: async (group, message) => {
        if (refuses) throw new Error('the server is away');
        stored.push({ group, message });
      },
    },
    ...{ host: 'h', sample: 1, time },
    failed: (_error, dropped) => failures.push(dropped),
  });
  const ids = () => stored.flatMap(({ message }) => decodeRuns(message)!.runs.map(({ id }) => id)).sort();
  const refuse = (on: boolean) => void (refuses = on);
  return { time, recorder, stored, ids, failures, refuse };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('stores the records of a tree in its group, in batches, after a short wait', async () => {
  const { time, recorder, stored, ids } = setUp();
  for (let n = 0; n < 3; n++) recorder.add(record(n, { root: 'r' }));
  expect(stored).toEqual([]);
  time.step(1_000, false);
  await turn();
  expect(stored.map(({ group }) => group)).toEqual([groupOf('r')]);
  expect(ids()).toEqual(['e0', 'e1', 'e2']);
});

it('keeps records that the server does not take, and stores them later', async () => {
  const { time, recorder, ids, failures, refuse } = setUp();
  refuse(true);
  recorder.add(record(1));
  time.step(1_000, false);
  await turn();
  expect([ids(), failures]).toEqual([[], [0]]);
  refuse(false);
  recorder.add(record(2));
  time.step(2_000, false);
  await turn();
  expect(ids()).toEqual(['e1', 'e2']);
});

it('drops the oldest records, and counts them, if the server takes none for long', async () => {
  const { time, recorder, ids, failures, refuse } = setUp();
  refuse(true);
  const stack = 'x'.repeat(4_000);
  for (let n = 0; n < 10_000; n++) recorder.add(record(n, { error: { name: 'E', message: 'm', stack } }));
  await turn();
  time.step(1_000, false);
  await turn();
  const dropped = failures.at(-1)!;
  refuse(false);
  time.step(2_000, false);
  await turn();
  const kept = ids();
  expect(dropped).toBeGreaterThan(5_000);
  expect(kept).toHaveLength(10_000 - dropped);
  expect(kept).toContain('e9999');
});

it('stores many records at once, without a wait', async () => {
  const { recorder, ids } = setUp();
  const stack = 'x'.repeat(4_000);
  for (let n = 0; n < 1_000; n++) recorder.add(record(n, { error: { name: 'E', message: 'm', stack } }));
  await turn();
  expect(ids().length).toBeGreaterThan(400);
});

it('splits many records into messages that a server takes', async () => {
  const { recorder, stored, ids } = setUp();
  const stack = 'x'.repeat(4_000);
  for (let n = 0; n < 1_000; n++) recorder.add(record(n, { root: 'r', error: { name: 'E', message: 'm', stack } }));
  await recorder.stop();
  expect(Math.max(...stored.map(({ message }) => message.length))).toBeLessThan(500_000);
  expect(ids()).toHaveLength(1_000);
});

it('splits records whose ids take several times as many bytes as characters, too', async () => {
  const { recorder, stored, ids } = setUp();
  for (let n = 0; n < 4_000; n++) recorder.add(record(n, { id: '\u{1F600}'.repeat(60), root: 'r' }));
  await recorder.stop();
  expect(Math.max(...stored.map(({ message }) => message.length))).toBeLessThan(500_000);
  expect(ids()).toHaveLength(4_000);
});

it('stores what waits when the host stops', async () => {
  const { recorder, ids } = setUp();
  recorder.add(record(1));
  await recorder.stop();
  expect(ids()).toEqual(['e1']);
});

it('ends a stop after a second if the server does not answer', async () => {
  const time = new VirtualTime(0);
  const log = { append: () => new Promise<void>(() => undefined) };
  const recorder = new RunRecorder({ log, host: 'h', sample: 1, time, failed: () => undefined });
  recorder.add(record(1));
  const stopped = recorder.stop();
  while (time.step(1_000, false));
  await stopped;
});

it('samples about the share that is asked for, the same trees each time, in all groups', () => {
  const roots = Array.from({ length: 20_000 }, (_, n) => `event-${n}`);
  const sampled = roots.filter((root) => isSampled(root, 0.1));
  expect(sampled.length / roots.length).toBeCloseTo(0.1, 1);
  expect(sampled.every((root) => isSampled(root, 0.2))).toBe(true);
  expect(new Set(sampled.map(groupOf)).size).toBe(GROUPS);
  expect([isSampled('a', 0), isSampled('a', 1)]).toEqual([false, true]);
});

it('leaves out messages that are no records, or have an earlier format', () => {
  const texts = ['', '\n', '[]\n', 'null\n', '{"format":1}\n', '{"format":1}', '{"format":2,"count":9}\n'];
  for (const text of texts) expect(decodeRuns(Buffer.from(text))).toBeUndefined();
});

it('refuses records of a later format by name', () => {
  const later = Buffer.from('{"format":3,"count":0}\n');
  expect(() => decodeRuns(later)).toThrow('a record of runs has format 3, and this host reads format 2');
});
