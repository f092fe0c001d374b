import type { Delivery } from '../../broker/delivery';

/** Called when the canary's result is known. */
export interface HandlerCanaryEvents {
  /** Called when an event was handled. */
  passed(): void;
  /** Called once, when all of the first events have failed. */
  failed(error: Error): void;
}

/**
 * Watches the first events of a handler's new version. Until one of them is handled, failures count as the version's
 * fault and cost the events no attempt.
 */
export class HandlerCanary {
  private readonly failing = new Set<string>();
  private state: 'open' | 'over' | 'failed' = 'open';

  /** @param events the number of distinct events that must fail, with none handled, before the version counts as bad */
  constructor(
    private readonly events: number,
    private readonly result: HandlerCanaryEvents,
  ) {}

  /** Whether an event failed, and none was handled yet. */
  get hasFailed(): boolean {
    return this.state !== 'over' && this.failing.size > 0;
  }

  succeeded(): void {
    if (this.state !== 'open') return;
    this.state = 'over';
    this.result.passed();
  }

  /**
   * Notes the failed event. Returns whether the failure is the version's fault and must not count. This also holds for
   * events that still run when the canary fails.
   */
  excuses({ stream, sequence }: Pick<Delivery, 'stream' | 'sequence'>, error: Error): boolean {
    if (this.state === 'over') return false;
    this.failing.add(`${stream} ${sequence}`);
    if (this.state === 'open' && this.failing.size >= this.events) {
      this.state = 'failed';
      this.result.failed(error);
    }
    return true;
  }

  /** Ends the canary, so that failures count. */
  end(): void {
    if (this.state === 'open') this.state = 'over';
  }
}
