import type { Delivery } from '../../broker/delivery';

/** What a probation tells. */
export interface HandlerCanaryEvents {
  /** An event was handled. */
  passed(): void;
  /** All of the first events failed; told once. */
  failed(error: Error): void;
}

/**
 * The first events of a handler's new version: until one of them is handled, their failures are taken for the
 * version's and cost the events nothing.
 */
export class HandlerCanary {
  private readonly failing = new Set<string>();
  private state: 'open' | 'over' | 'failed' = 'open';

  /** @param events so many distinct events must fail, and none be handled, for the version to count as bad */
  constructor(
    private readonly events: number,
    private readonly told: HandlerCanaryEvents,
  ) {}

  /** Whether something failed, and nothing was handled yet. */
  get hasFailed(): boolean {
    return this.state !== 'over' && this.failing.size > 0;
  }

  succeeded(): void {
    if (this.state !== 'open') return;
    this.state = 'over';
    this.told.passed();
  }

  /** Whether a failure of the event is the version's, which is not to count. What still runs when it has failed is excused too. */
  excuses({ stream, sequence }: Pick<Delivery, 'stream' | 'sequence'>, error: Error): boolean {
    if (this.state === 'over') return false;
    this.failing.add(`${stream} ${sequence}`);
    if (this.state === 'open' && this.failing.size >= this.events) {
      this.state = 'failed';
      this.told.failed(error);
    }
    return true;
  }

  /** From here on failures count as ever. */
  end(): void {
    if (this.state === 'open') this.state = 'over';
  }
}
