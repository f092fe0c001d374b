import { HandlerCanary } from '../message/failures/handler-canary';
import type { HandlerDefinition } from '../load/describe';

/** `delivery.rollback` of the config. */
export interface RollbackPolicy {
  /** How many distinct events of a handler must fail, with none handled, for the version to be rolled back. */
  readonly events: number;
  /** How long the canary phase lasts at most. 0 turns the rollback off. */
  readonly withinMs: number;
}

/** The outcome of a canary phase. Either `passed` or `failed` is called, at most once. */
export interface CanaryEvents {
  /** Called when every handler has handled an event, or the time is over. */
  passed(): void;
  /** Called when the first events of a handler have all failed. */
  failed(handler: HandlerDefinition, error: Error): void;
}

/**
 * The canary phase of a new version: the time in which the version is rolled back if the first events of a handler all
 * fail.
 */
export class Canary {
  private readonly canaries = new Map<string, HandlerCanary>();
  private timer: NodeJS.Timeout | undefined;
  /** The number of handlers that have not handled an event yet. */
  private unproven: number;
  private hasFailed = false;

  /** @param handlers the handlers that did not fail in the version before */
  constructor(
    handlers: readonly HandlerDefinition[],
    private readonly policy: RollbackPolicy,
    private readonly events: CanaryEvents,
  ) {
    this.unproven = handlers.length;
    for (const handler of handlers) {
      const canary = new HandlerCanary(policy.events, {
        passed: () => this.handlerPassed(),
        failed: (error) => this.handlerFailed(handler, error),
      });
      this.canaries.set(handler.durable, canary);
    }
  }

  /** Starts the time after which the version has passed. */
  start(): void {
    // The phase does not keep the process alive.
    this.timer = setTimeout(() => this.pass(), this.policy.withinMs).unref();
  }

  canaryOf(handler: HandlerDefinition): HandlerCanary | undefined {
    return this.canaries.get(handler.durable);
  }

  /** Whether a handler has failed at an event and has handled none yet. */
  get isDoubtful(): boolean {
    return this.hasFailed || [...this.canaries.values()].some((canary) => canary.hasFailed);
  }

  /** Ends the phase. Later failures count for their events and cause no rollback. */
  end(): void {
    clearTimeout(this.timer);
    for (const canary of this.canaries.values()) canary.end();
  }

  private handlerPassed(): void {
    this.unproven--;
    if (this.unproven === 0 && !this.hasFailed) this.pass();
  }

  private pass(): void {
    if (this.hasFailed) return;
    this.end();
    this.events.passed();
  }

  private handlerFailed(handler: HandlerDefinition, error: Error): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    clearTimeout(this.timer);
    this.events.failed(handler, error);
  }
}
