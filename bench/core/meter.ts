/**
 * Preloaded into each process that is measured, the host's too: counts what its handlers are given, and tells
 * the benchmark of that, and of the CPU time and the memory that the process has had.
 */

/** How it stood when a further hundredth of the deliveries was handled. */
export interface Mark {
  readonly atMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
}

export interface Reading {
  readonly handled: number;
  /** What was handled though its handler had handled it before, or a later one of its key. */
  readonly wrong: number;
  readonly marks: readonly Mark[];
  /** From publish to handler, of the events that tell when they were sent. */
  readonly latenciesMs: readonly number[];
  /** Of the whole process so far. */
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly peakMb: number;
}

/** Counts what one handler is given. */
export interface Tally {
  /**
   * The event with this number is handled.
   * @param sentMs when it was sent, by {@link monotonicMs}
   */
  handled(n: number, sentMs?: number): void;
  /** The same, where those of one key are to come in their order. */
  handledInOrder(n: number, key: string): void;
}

declare global {
  /** What handlers of the benchmark call; there in every process that is measured. */
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
  return { handled, wrong, marks, latenciesMs, cpuMs: cpuMs(), rssMb: rss / MB, peakMb };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** The same clock in all processes of one machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Only in the child of the benchmark itself: its own children have other channels. */
if (process.send && process.ppid === Number(process.env['BENCH_PID'])) {
  globalThis.meter = { tally: () => new HandlerTally() };
  process.on('message', (message) => {
    if (message === READ) process.send?.({ reading: read() });
  });
  process.on('disconnect', () => process.exit(1));
  // It shall end when its work has.
  process.channel?.unref();
}
