import type { JetplugError } from '../../sdk/internal';
import { LogThrottle } from '../base/log-throttle';
import { pause } from '../base/retry-until';
import type { Time } from '../base/time';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** The time after which a failure that lasts is logged again. */
const REPORT_AGAIN_MS = 600_000;

/** Waits after each failure of a database or a broker, longer each time, and logs the failures. */
export class Retries {
  private failures = 0;
  private throttle: LogThrottle;

  /**
   * @param log logs a failure, or with undefined that it has ended
   * @param stop ends a wait
   */
  constructor(
    private readonly log: (failure?: { waitMs: number; error: JetplugError }) => void,
    private readonly time: Time,
    private readonly stop: AbortSignal,
  ) {
    this.throttle = this.newThrottle();
  }

  /** Waits after a failure. Failures with one code are logged once in ten minutes. */
  async failed(error: JetplugError): Promise<void> {
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** this.failures++, LONGEST_WAIT_MS);
    if (this.throttle.note(error.code) !== undefined) this.log({ waitMs, error });
    await pause(waitMs, this.time, this.stop);
  }

  /** Makes the waits short again. */
  succeeded(): void {
    if (this.failures === 0) return;
    this.failures = 0;
    this.throttle = this.newThrottle();
    this.log();
  }

  private newThrottle(): LogThrottle {
    return new LogThrottle(REPORT_AGAIN_MS, () => this.time.nowMs());
  }
}
