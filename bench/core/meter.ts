/**
 * Preloaded into each measured process, the host’s too. Counts the events that the handlers get, and reports the counts,
 * the CPU time and the memory of the process to the benchmark.
 */

/** A sample, taken each time another hundredth of the deliveries is handled. */
export interface Mark {
  readonly atMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
}

export interface Reading {
  readonly handled: number;
  /** How many events were handled again by the same handler, or after a later event of their key. */
  readonly wrong: number;
  /** How many runs were repeated because of a conflict. */
  readonly again: number;
  readonly marks: readonly Mark[];
  /** The times from publish to handler, of the events that carry the time when they were sent. */
  readonly latenciesMs: readonly number[];
  /** The CPU time of the whole process so far. */
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly peakMb: number;
}

/** Counts the events of one handler. */
export interface Tally {
  /**
   * Records that the event with this number is handled.
   * @param sentMs when the event was sent, by {@link monotonicMs}
   */
  handled(n: number, sentMs?: number): void;
  /** Records that the event has run. It may run again before its changes are committed; only the first run counts. */
  ran(n: number, sentMs?: number): void;
  /** Records the event, and checks that the events of one key come in order. */
  handledInOrder(n: number, key: string): void;
}

declare global {
  /** The API for the handlers of the benchmark, present in every measured process. */
  var meter: { tally(): Tally };
}

export const READ = 'read the meter';

const MB = 1_000_000;
const EVENTS = Number(process.env['BENCH_EVENTS']);
const DELIVERIES = Number(process.env['BENCH_DELIVERIES']);

const marks: Mark[] = [];
const latenciesMs: number[] = [];
let handled = 0;
let wrong = 0;
let again = 0;
let nextMark = 1;

class HandlerTally implements Tally {
  private readonly seen = new Uint8Array(EVENTS);
  private readonly lastOf = new Map<string, number>();

  handled(n: number, sentMs?: number): void {
    if (this.seen[n] === 0) this.seen[n] = 1;
    else wrong++;
    if (sentMs !== undefined) latenciesMs.push(monotonicMs() - sentMs);
    if (++handled >= nextMark) mark();
  }

  ran(n: number, sentMs?: number): void {
    if (this.seen[n] === 1) again++;
    else this.handled(n, sentMs);
  }

  handledInOrder(n: number, key: string): void {
    if (n < (this.lastOf.get(key) ?? 0)) wrong++;
    this.lastOf.set(key, n);
    this.handled(n);
  }
}

function mark(): void {
  const { rss } = process.memoryUsage();
  marks.push({ atMs: monotonicMs(), cpuMs: cpuMs(), rssMb: rss / MB });
  nextMark = Math.max(handled + 1, Math.ceil(((marks.length + 1) * DELIVERIES) / 100));
}

function read(): Reading {
  const { rss } = process.memoryUsage();
  const peakMb = (process.resourceUsage().maxRSS * 1_024) / MB;
  return { handled, wrong, again, marks, latenciesMs, cpuMs: cpuMs(), rssMb: rss / MB, peakMb };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** A clock that is the same in all processes of one machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Runs in the direct child of the benchmark only; the children of that process have other channels. */
if (process.send && process.ppid === Number(process.env['BENCH_PID'])) {
  globalThis.meter = { tally: () => new HandlerTally() };
  process.on('message', (message) => {
    if (message === READ) process.send?.({ reading: read() });
  });
  process.on('disconnect', () => process.exit(1));
  // The channel must not keep the process alive after its work.
  process.channel?.unref();
}
