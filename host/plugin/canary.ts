import { HandlerCanary } from '../message/failures/handler-canary';
import type { HandlerDefinition } from '../load/describe';

export interface RollbackPolicy {
  readonly events: number;
  readonly withinMs: number;
}

/** What a canary tells; at most one of them, once. */
export interface CanaryEvents {
  /** Every handler has shown that it works, or the time is over. */
  passed(): void;
  /** The first events of a handler all failed. */
  failed(handler: HandlerDefinition, error: Error): void;
}

/** The time after an edit in which the version before is kept, in case the new one fails at everything. */
export class Canary {
  private readonly canaries = new Map<string, HandlerCanary>();
  private readonly timer: NodeJS.Timeout;
  private unproven: number;
  private failing = false;

  /** @param handlers those whose version before did not fail */
  constructor(
    handlers: readonly HandlerDefinition[],
    policy: RollbackPolicy,
    private readonly told: CanaryEvents,
  ) {
    this.unproven = handlers.length;
    for (const handler of handlers) {
      const canary = new HandlerCanary(policy.events, {
        passed: () => this.proved(),
        failed: (error) => this.fail(handler, error),
      });
      this.canaries.set(handler.durable, canary);
    }
    this.timer = setTimeout(() => this.pass(), policy.withinMs);
    // It keeps nothing alive that is not alive for other reasons.
    this.timer.unref();
  }

  canaryOf(handler: HandlerDefinition): HandlerCanary | undefined {
    return this.canaries.get(handler.durable);
  }

  /** Whether a handler has failed at something and handled nothing yet. */
  get isDoubtful(): boolean {
    return this.failing || [...this.canaries.values()].some(({ hasFailed }) => hasFailed);
  }

  /** Nobody waits for its verdict any more. */
  end(): void {
    clearTimeout(this.timer);
    for (const canary of this.canaries.values()) canary.end();
  }

  private proved(): void {
    this.unproven--;
    if (this.unproven === 0 && !this.failing) this.pass();
  }

  private pass(): void {
    if (this.failing) return;
    this.end();
    this.told.passed();
  }

  private fail(handler: HandlerDefinition, error: Error): void {
    if (this.failing) return;
    this.failing = true;
    clearTimeout(this.timer);
    this.told.failed(handler, error);
  }
}
