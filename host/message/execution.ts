import { isPromise, rethrow, type MaybePromise } from '../base/maybe-promise';
import { whenSettled } from '../base/promises';
import type { Handler } from './handler';
import { HandlerCall } from './handler-call';
import type { Outcome } from './outcome';

/** One call of a handler in the host. It ends when the handler has returned or thrown, when its time is up, or when the host stops. */
export class Execution extends HandlerCall<Handler> {
  /** Infinity while it waits for the process that it is to run in. */
  startedAtMs: number;
  /** Set while something can be ended from outside: says with which outcome it was. */
  private cutOff: ((outcome: Outcome) => void) | undefined;

  /** Where it is among those that run; for who watches over them. */
  place = -1;

  constructor(handler: Handler) {
    super(handler);
    this.startedAtMs = handler.time.nowMs();
  }

  /** The handler has not begun, though it is called: its time does not run yet. */
  waitToBegin(): void {
    this.startedAtMs = Infinity;
  }

  /** Whether it is called and has not begun. */
  get waits(): boolean {
    return this.startedAtMs === Infinity;
  }

  begin(): void {
    this.startedAtMs = this.handler.time.nowMs();
  }

  /** Whether it can be ended from outside. */
  get isUnderWay(): boolean {
    return this.cutOff !== undefined;
  }

  /** The work's result; or, where the call is ended from outside before, the outcome it is ended with. */
  interruptible<T>(work: MaybePromise<T>): MaybePromise<T | Outcome> {
    return isPromise(work) ? this.whenEnded<T, T | Outcome>(work, itself, rethrow, itself) : work;
  }

  /**
   * What the work's end becomes, or the outcome that the call is ended with before. What follows is called from
   * here rather than awaited: with the context kept for handlers, a promise costs a twentieth of a whole message.
   */
  whenEnded<T, U>(
    work: Promise<T>,
    done: (result: T) => MaybePromise<U>,
    failed: (thrown: unknown) => MaybePromise<U>,
    interrupted: (outcome: Outcome) => MaybePromise<U>,
  ): Promise<U> {
    return new Promise((resolve) => {
      const become = <V>(next: (value: V) => MaybePromise<U>, value: V): void => {
        this.cutOff = undefined;
        try {
          resolve(next(value));
        } catch (error) {
          resolve(Promise.resolve(error).then(rethrow));
        }
      };
      this.cutOff = (outcome) => become(interrupted, outcome);
      void whenSettled(
        work,
        (result) => become(done, result),
        (thrown) => become(failed, thrown),
      );
    });
  }

  /** What follows the handler's return, such as sending what it published: only the host's stop may cut it off. */
  afterwards<T>(work: MaybePromise<T>): MaybePromise<T | Outcome> {
    if (!isPromise(work)) return work;
    return new Promise((resolve, reject) => {
      this.cutOff = resolve;
      work.then(resolve, reject).finally(() => (this.cutOff = undefined));
    });
  }

  /** Ends it from outside, if it has not ended: for a timeout or a stop. */
  interrupt(outcome: Outcome): void {
    const { cutOff } = this;
    if (!cutOff || (this.isOver && outcome.kind !== 'given-back')) return;
    this.end('error' in outcome ? outcome.error : new Error('the host is stopping'));
    cutOff(outcome);
  }

  override end(reason?: unknown): void {
    super.end(reason);
    this.cutOff = undefined;
  }
}

function itself<V>(value: V): V {
  return value;
}
