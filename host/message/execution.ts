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
  private cutOff: ((outcome: Outcome) => void) | undefined;
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
   * Waits for the work; {@link interrupt} ends the wait. Until then the registry contains this execution.
   * The endings are called with the execution, so that no closures are made for each message.
   */
  interruptible<T, U>(work: Promise<T>, endings: Endings<this, T, U>): Later<U> {
    const later = new Later<U>();
    let isOpen = true;
    const close = (): void => {
      isOpen = false;
      this.cutOff = undefined;
      this.registry.remove(this);
    };
    this.registry.add(this);
    this.cutOff = (outcome) => {
      close();
      later.resolve(() => endings.interrupted(this, outcome));
    };
    void whenSettled(
      work,
      (result) => {
        if (!isOpen) return;
        close();
        later.resolve(() => endings.done(this, result));
      },
      (thrown: unknown) => {
        if (!isOpen) return endings.failedLate?.(this, thrown);
        close();
        later.resolve(() => endings.failed(this, thrown));
      },
    );
    return later;
  }

  /** Ends the work with this outcome, for a timeout or a stop. After the handler has returned, only a stop ends the rest. */
  interrupt(outcome: Outcome): void {
    const { cutOff } = this;
    if (!cutOff || (this.isOver && outcome.kind !== 'given-back')) return;
    this.end('error' in outcome ? outcome.error : new Error('the host is stopping'));
    cutOff(outcome);
  }

  /** Counts the call with its duration, once, if it has begun. */
  measure(): void {
    if (this.measured || this.waits) return;
    this.measured = true;
    const { counters, time } = this.handler;
    counters.observe((time.nowMs() - this.startedAtMs) / 1_000);
  }
}
