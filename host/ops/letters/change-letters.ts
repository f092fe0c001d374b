import { isJetplugError } from '../../../sdk/internal';
import { Limiter } from '../../base/limiter';
import { machineTime, type Time } from '../../base/time';
import type { DeadLetterSummary } from '../dead-letter-summary';

/** The number of letters that are read and changed together. */
const WAVE = 100;
/** The number of waves in flight. The answers of one are awaited while the next ones are read. */
const WAVES_IN_FLIGHT = 4;
/** With a rate, the waves are so small that there are this many in a second. */
const WAVES_PER_S = 5;
const SECOND_MS = 1_000;

/** The result for one letter: whether it was changed, or the error. A letter that is gone was not changed. */
export type LetterResult = boolean | { readonly error: unknown };

/** Changes a few letters at a time. Resolves with a result for each, in their order. Does not reject. */
export type ChangeWave = (letters: readonly DeadLetterSummary[]) => Promise<readonly LetterResult[]>;

export interface ChangeOptions {
  /** At most so many letters in a second. Default: as fast as the server answers. */
  readonly ratePerS?: number | undefined;
  /** Ends the change after the letters that are in flight. */
  readonly signal?: AbortSignal;
  /** Called after each wave. */
  readonly progress?: (counts: ChangeCounts) => void;
  readonly time?: Time;
}

export interface ChangeCounts {
  /** The letters that were dealt with, also those that failed or were gone. */
  readonly done: number;
  readonly failed: number;
}

export interface Changed {
  /** In the order of the given letters. */
  readonly changed: readonly DeadLetterSummary[];
  readonly failures: readonly unknown[];
  /** Why the change ended before the last letter; one of `failures`. */
  readonly stoppedBy?: unknown;
}

/**
 * Changes letters in waves, several of which are in flight. A letter whose event is lost (`JP_NOT_FOUND`) concerns no
 * other letter. After any other failure, which the next letters would meet too, no further wave begins.
 */
export async function changeLetters(
  letters: readonly DeadLetterSummary[],
  change: ChangeWave,
  options: ChangeOptions = {},
): Promise<Changed> {
  const run = new Run(letters, change, options);
  await run.all();
  return run.result;
}

class Run {
  private readonly results: LetterResult[] = [];
  private done = 0;
  private failed = 0;
  private stopped = false;
  private stoppedBy: unknown;
  private readonly waveSize: number;

  constructor(
    private readonly letters: readonly DeadLetterSummary[],
    private readonly change: ChangeWave,
    private readonly options: ChangeOptions,
  ) {
    const { ratePerS } = options;
    this.waveSize = ratePerS === undefined ? WAVE : Math.min(WAVE, Math.max(1, Math.floor(ratePerS / WAVES_PER_S)));
  }

  async all(): Promise<void> {
    const { time = machineTime, ratePerS, signal } = this.options;
    const limiter = new Limiter(WAVES_IN_FLIGHT);
    const running = new Set<Promise<void>>();
    const startedMs = time.nowMs();
    for (let from = 0; from < this.letters.length; from += this.waveSize) {
      if (ratePerS !== undefined) await pauseUntil(startedMs + (from / ratePerS) * SECOND_MS, time, signal);
      const release = await limiter.acquire();
      if (this.isOver) break;
      const wave = this.wave(from).finally(release);
      running.add(wave);
      void wave.finally(() => running.delete(wave));
    }
    await Promise.all(running);
  }

  get result(): Changed {
    const { letters, results } = this;
    const failures = results.flatMap((result) => (typeof result === 'object' ? [result.error] : []));
    return {
      changed: letters.filter((_, i) => results[i] === true),
      failures,
      ...(this.stopped && { stoppedBy: this.stoppedBy }),
    };
  }

  private get isOver(): boolean {
    return this.stopped || this.options.signal?.aborted === true;
  }

  private async wave(from: number): Promise<void> {
    const results = await this.change(this.letters.slice(from, from + this.waveSize));
    for (const [i, result] of results.entries()) {
      this.results[from + i] = result;
      this.done++;
      if (typeof result === 'object') this.note(result.error);
    }
    this.options.progress?.({ done: this.done, failed: this.failed });
  }

  private note(error: unknown): void {
    this.failed++;
    if (this.stopped || isOfOneLetter(error)) return;
    this.stopped = true;
    this.stoppedBy = error;
  }
}

function isOfOneLetter(error: unknown): boolean {
  return isJetplugError(error) && (error.code === 'JP_NOT_FOUND' || error.code === 'JP_LETTER_WAITS');
}

/** Resolves at the time, or when the signal is aborted. */
function pauseUntil(atMs: number, time: Time, signal: AbortSignal | undefined): Promise<void> {
  const delayMs = atMs - time.nowMs();
  if (delayMs <= 0 || signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = time.after(delayMs, end);
    function end(): void {
      timer.cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    }
    signal?.addEventListener('abort', end);
  });
}

/** Calls the work for each letter of a wave at once, and catches its errors. */
export function eachLetter(work: (letter: DeadLetterSummary) => Promise<boolean>): ChangeWave {
  return (letters) => Promise.all(letters.map((letter) => work(letter).catch((error: unknown) => ({ error }))));
}
