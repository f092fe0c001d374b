import { Clock, type Duration } from '../../sdk';
import { durationMs } from '../../sdk/internal';

/** The time of a test: what plugins get as their `Clock`, and what retries and timeouts go by. */
export class TestClock extends Clock {
  private readonly startMs: number;
  private move: (ms: number) => Promise<void> = () => Promise.reject(new Error('no host runs on this clock yet'));
  private elapsedMs: () => number = () => 0;

  /** @param start where it begins: ISO 8601, or a `Date`. Default: now */
  constructor(start: string | Date = new Date()) {
    super();
    this.startMs = new Date(start).getTime();
    if (Number.isNaN(this.startMs)) throw new RangeError(`${String(start)} is not a time`);
  }

  now(): Date {
    return new Date(this.startMs + this.elapsedMs());
  }

  /**
   * Moves the time on, and resolves when all that was due meanwhile has begun: retries, timeouts, probes. On a
   * server nobody can: there it waits for as long.
   */
  async advance(by: Duration): Promise<void> {
    await this.move(durationMs(by, 'the time to advance by'));
  }

  /** What makes it go; the host that uses it says so. */
  drivenBy(driver: { elapsedMs: () => number; move: (ms: number) => Promise<void> }): void {
    this.elapsedMs = driver.elapsedMs;
    this.move = driver.move;
  }
}
