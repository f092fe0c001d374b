import { whenSettled } from '../base/promises';
import type { Handler } from './handler';
import { HandlerCall } from './handler-call';
import { Later } from './later';
import type { Outcome } from './outcome';

/** The executions of one handler that can be interrupted, and its permit to run alone. */
export interface RunRegistry {
  add(execution: Execution): void;
  remove(execution: Execution): void;
  /**
   * Resolves when nothing else of the handler runs. The caller then runs alone until it calls the result.
   * Resolves with undefined when the host stops first.
   */
  alone(): Promise<(() => void) | undefined>;
}

/** Called with the execution when its work ends. All but `failedLate` return the result of the step. */
export interface Endings<E, T, U> {
  done(execution: E, result: T): U;
  failed(execution: E, thrown: unknown): U;
  interrupted(execution: E, outcome: Outcome): U;
  /** The work failed after it was interrupted. Default: ignored. */
  failedLate?(execution: E, thrown: unknown): void;
}

/** One call of a handler in the host. It ends when the handler returns or throws, when its time is up, or when the host stops. */
export class Execution extends HandlerCall<Handler> {
  /** By the host's monotonic clock. Infinity before the call begins, also while it waits for the plugin's process. */
  startedAtMs = Infinity;
  /** Set while the work can be interrupted. */
  private wait: Later<unknown> | undefined;
  private endings: Endings<unknown, never, unknown> | undefined;
  private measured = false;

  /** Its index in the registry, which alone uses it. */
  place = -1;

  constructor(
    handler: Handler,
    readonly registry: RunRegistry,
  ) {
    super(handler);
  }

  /** The call was sent to the plugin's process, which has not begun it. The timeout does not run yet. */
  waitToBegin(): void {
    this.startedAtMs = Infinity;
  }

  /** Whether the call has not begun. */
  get waits(): boolean {
    return this.startedAtMs === Infinity;
  }

  begin(): void {
    this.startedAtMs = this.handler.time.nowMs();
  }

  /**
   * Waits for the work; {@link interrupt} ends the wait. Meanwhile the registry has this execution.
   * The endings are called with the execution, and the wait is kept in fields: closures for each message would outlive
   * it in the garbage collector's old space.
   */
  interruptible<T, U>(work: Promise<T>, endings: Endings<this, T, U>): Later<U> {
    const later = new Later<U>();
    this.wait = later as Later<unknown>;
    this.endings = endings;
    this.registry.add(this);
    void whenSettled(
      work,
      (result) => {
        if (this.endWait(later)) later.resolve(() => endings.done(this, result));
      },
      (thrown: unknown) => {
        if (this.endWait(later)) later.resolve(() => endings.failed(this, thrown));
        else endings.failedLate?.(this, thrown);
      },
    );
    return later;
  }

  /** Ends the work with this outcome: for a timeout or a stop. Once the handler has returned, only a stop ends what is left. */
  interrupt(outcome: Outcome): void {
    const { wait, endings } = this;
    if (!wait || !endings || (this.isOver && outcome.kind !== 'given-back')) return;
    this.end('error' in outcome ? outcome.error : new Error('the host is stopping'));
    if (this.endWait(wait)) wait.resolve(() => endings.interrupted(this, outcome));
  }

  /** Whether the execution still waited for this. */
  private endWait<U>(later: Later<U>): boolean {
    if (this.wait !== (later as Later<unknown>)) return false;
    this.wait = undefined;
    this.endings = undefined;
    this.registry.remove(this);
    return true;
  }

  /** Counts the call with its duration, once, if it has begun. */
  measure(): void {
    if (this.measured || this.waits) return;
    this.measured = true;
    const { counters, time } = this.handler;
    counters.observe((time.nowMs() - this.startedAtMs) / 1_000);
  }
}
