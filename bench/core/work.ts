import type { Measurement, Subject } from './case';
import type { Ground } from './ground';
import type { Mark, Reading } from './meter';
import type { Amounts, Start, Worker } from './worker';

export interface WorkOptions extends Amounts {
  /** The case’s name in the figures. */
  readonly case: string;
  readonly subject: Subject;
  readonly start: Start;
  readonly unit: string;
  /** Throws unless all the work was done, and done once. Called while the worker still runs. */
  verify(): Promise<void>;
}

const POLL_MS = 100;
const STALLED_MS = 30_000;

/** Measures the rate of a subject, its CPU time, and its peak memory. */
export function work(ground: Ground, options: WorkOptions): Measurement {
  const { case: name, subject, unit, start, events, deliveries = events } = options;
  return {
    label: `${name}, ${subject}`,
    measure: () =>
      running(ground, start, options, async (worker) => {
        const reading = await whenHandled(worker, deliveries, (handled) =>
          ground.say(`${name}, ${subject}: ${handled} of ${deliveries}`),
        );
        await options.verify();
        if (deliveries >= events) await worker.check(deliveries);
        const { marks, peakMb, again } = reading;
        if (again > 0) ground.warn(`${name}, ${subject}: ${(again / deliveries).toFixed(3)} repeated runs an event`);
        return [
          { case: name, subject, unit, value: rateBetween(marks, deliveries, 0.1, 0.9) },
          { case: `${name} CPU`, subject, unit: 'CPU s', value: cpuBetween(marks, 0.1, 0.9) },
          { case: `${name} memory`, subject, unit: 'MB at most', value: peakMb },
        ];
      }),
  };
}

/** Starts a worker, uses it, stops it, and removes its durables. */
export async function running<T>(
  ground: Ground,
  start: Start,
  amounts: Amounts,
  use: (worker: Worker) => Promise<T>,
): Promise<T> {
  const worker = await start(ground, amounts);
  try {
    return await use(worker);
  } finally {
    await worker.process.stop();
    await ground.clear();
  }
}

/** Waits until the worker has handled this many deliveries. Fails when it makes no progress for 30 s. */
export async function whenHandled(
  { process }: Worker,
  deliveries: number,
  said: (handled: number) => void,
): Promise<Reading> {
  let last = { handled: -1, atMs: performance.now() };
  for (;;) {
    const reading = await process.read();
    const { handled, wrong } = reading;
    if (wrong > 0) throw process.failure(`${wrong} events were handled twice, or out of order`);
    if (handled >= deliveries) return reading;
    if (handled > last.handled) last = { handled, atMs: performance.now() };
    else if (performance.now() - last.atMs > STALLED_MS) throw process.failure(`it is stuck at ${handled}`);
    said(handled);
    await process.waitFor(POLL_MS);
  }
}

/**
 * The deliveries per second between two parts of the whole, such as 10 % and 90 %, so that the start and the last
 * deliveries do not count.
 */
export function rateBetween(marks: readonly Mark[], deliveries: number, from: number, to: number): number {
  return ((to - from) * deliveries * 1_000) / (markAt(marks, to).atMs - markAt(marks, from).atMs);
}

/** The CPU time of the whole, extrapolated from the part between two marks. */
function cpuBetween(marks: readonly Mark[], from: number, to: number): number {
  return (markAt(marks, to).cpuMs - markAt(marks, from).cpuMs) / 1_000 / (to - from);
}

export function markAt(marks: readonly Mark[], part: number): Mark {
  return marks[Math.max(0, Math.round(part * marks.length) - 1)]!;
}
