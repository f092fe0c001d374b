import { JetplugError } from '../../../sdk/internal';
import { summarise, type DeadLetterSummary } from '../../../host/ops/dead-letter-summary';
import type { ChangeWave, LetterResult } from '../../../host/ops/letters/change-letters';
import type { Job } from '../../../host/page/api';
import { LetterJobs } from '../../../host/page/letters/letter-jobs';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { storedLetter } from '../../support/stored-letter';

let time: VirtualTime;
let present: DeadLetterSummary[];
let announced: Job[];
let failures: unknown[];
let jobs: LetterJobs;
beforeEach(() => {
  time = new VirtualTime(0);
  announced = [];
  failures = [];
  present = letters(1_000);
  jobs = new LetterJobs({
    index: { read: async () => ({ letters: present, left: 0 }), expire: () => undefined },
    time,
    announce: (job) => announced.push(job),
    failed: (_job, error) => failures.push(error),
  });
});
afterEach(() => jobs.stop());

function letters(count: number): DeadLetterSummary[] {
  return Array.from({ length: count }, (_, i) => summarise(storedLetter({ id: i + 1 })));
}
const all =
  (result: LetterResult): ChangeWave =>
  async (wave) =>
    wave.map(() => result);
const start = (wave: ChangeWave, ratePerS?: number): Job =>
  jobs.start({ kind: 'redrive', by: 'page', letters: present, ratePerS, begin: async () => wave });

/** Lets the promises that are due settle. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}
/** Moves the time, timer by timer. */
async function pass(ms: number): Promise<void> {
  const end = time.nowMs() + ms;
  await settle();
  while (time.step(end, true)) await settle();
}
const now = (id: string): Job => jobs.list().find((job) => job.id === id)!;

test('a job changes all letters, and says so', async () => {
  const { id } = start(all(true));
  await settle();
  expect(now(id)).toMatchObject({ state: 'done', total: 1_000, done: 1_000, failed: 0, arrived: 0, by: 'page' });
  expect(announced.at(-1)).toMatchObject({ id, state: 'done' });
});

test('a rate limits the letters of each second', async () => {
  const { id } = start(all(true), 100);
  await pass(3_000);
  const { done } = now(id);
  expect(done).toBeGreaterThanOrEqual(300);
  expect(done).toBeLessThanOrEqual(320);
  await pass(8_000);
  expect(now(id)).toMatchObject({ state: 'done', done: 1_000 });
});

test('a cancelled job ends at once, in a pause too', async () => {
  const { id } = start(all(true), 10);
  await pass(1_000);
  jobs.cancel(id);
  await settle();
  expect(now(id).state).toBe('cancelled');
  expect(now(id).done).toBeLessThan(20);
});

test('new letters of the same handlers are counted while a job runs', async () => {
  const { id } = start(all(true), 10);
  await pass(100);
  const [of] = present as [DeadLetterSummary];
  present = [...present, { ...of, id: 1_001 }, { ...of, id: 1_002, handler: 'other' }];
  await pass(1_000);
  expect(now(id).arrived).toBe(1);
});

test('a letter whose event is lost fails alone, and another failure ends the job', async () => {
  const lost = start(all({ error: new JetplugError('JP_NOT_FOUND', 'gone') }));
  await settle();
  expect(now(lost.id)).toMatchObject({ state: 'done', done: 1_000, failed: 1_000 });
  const full = start(all({ error: new JetplugError('JP_STREAM_FULL', 'full') }));
  await settle();
  expect(now(full.id)).toMatchObject({ state: 'failed', error: 'full' });
  expect(now(full.id).done).toBeLessThanOrEqual(400);
  expect(failures).toHaveLength(1);
});

test('a job that cannot begin has failed', async () => {
  const { id } = jobs.start({
    ...{ kind: 'drop', by: 'page', letters: present },
    begin: () => Promise.reject(new Error('away')),
  });
  await settle();
  expect(now(id)).toMatchObject({ state: 'failed', error: 'away', done: 0 });
});

test('at most four jobs run, and jobs are forgotten after an hour', async () => {
  for (let n = 0; n < 4; n++) start(all(true), 1);
  expect(() => start(all(true))).toThrow('4 changes');
  for (const { id } of jobs.list()) jobs.cancel(id);
  await settle();
  expect(jobs.list()).toHaveLength(4);
  await pass(61 * 60_000);
  expect(jobs.list()).toEqual([]);
  expect(() => jobs.cancel('x')).toThrow(expect.objectContaining({ code: 'JP_NOT_FOUND' }));
});
