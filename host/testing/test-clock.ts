import { Clock, type Duration } from '../../sdk';
import { durationMs } from '../../sdk/internal';

/** The time of a test: the plugins' `Clock`. In memory, retries and timeouts follow it too. */
export class TestClock extends Clock {
  private readonly startMs: number;
  private move: (ms: number) => Promise<void> = () => Promise.reject(new Error('no host runs on this clock yet'));
  private elapsedMs: () => number = () => 0;

  /** @param start the first moment: ISO 8601, or a `Date`. Default: now */
  constructor(start: string | Date = new Date()) {
    super();
    this.startMs = new Date(start).getTime();
    if (Number.isNaN(this.startMs)) throw new RangeError(`${String(start)} is not a time`);
  }

  now(): Date {
    return new Date(this.startMs + this.elapsedMs());
  }

  /**
   * Moves the time forward. Resolves when everything that became due has started: retries, timeouts, probes. On a
   * server the time cannot be moved, so the call waits for that long instead.
   */
  async advance(by: Duration): Promise<void> {
    await this.move(durationMs(by, 'the time to advance by'));
  }

  /** Connects the clock to the time of its broker. The kit calls this method. */
  drivenBy(driver: { elapsedMs: () => number; move: (ms: number) => Promise<void> }): void {
    this.elapsedMs = driver.elapsedMs;
    this.move = driver.move;
  }
}
