import { JetplugError } from '../../sdk/internal';
import { isPromise, type MaybePromise } from '../maybe-promise';
import type { Handler } from './handler';
import type { Outcome } from './outcome';

/** One call of a handler. It ends once: when the handler has returned or thrown, when its time is up, or when the host stops. */
export class Execution {
  /** Infinity while it waits for the process that it is to run in. */
  startedAtMs: number;
  /** Set while the handler has not returned: ends the call from outside, for a timeout or a stop. */
  interrupt: ((outcome: Outcome) => void) | undefined;
  private over = false;
  private controller: AbortController | undefined;
  private abortReason: unknown;

  constructor(readonly handler: Handler) {
    this.startedAtMs = handler.time.nowMs();
  }

  get isOver(): boolean {
    return this.over;
  }

  /** Made only for a handler that asks: an AbortController for every message would cost half the throughput. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.over) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
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

  /** The work's result; or, where the call is ended from outside before, the outcome it is ended with. */
  interruptible<T>(work: MaybePromise<T>): MaybePromise<T | Outcome> {
    return isPromise(work) ? this.whenEnded(work, (result) => result, rethrow) : work;
  }

  /** What the work's end becomes, or the outcome that the call is ended with before; with no more promises than that takes. */
  whenEnded<T, U>(
    work: PromiseLike<T>,
    done: (result: T) => MaybePromise<U>,
    failed: (thrown: unknown) => MaybePromise<U>,
  ): Promise<U | Outcome> {
    return new Promise((resolve) => {
      this.interrupt = (outcome) => {
        this.end('error' in outcome ? outcome.error : new Error('the host is stopping'));
        resolve(outcome);
      };
      const become = <V>(next: (value: V) => MaybePromise<U>, value: V): void => {
        this.interrupt = undefined;
        try {
          resolve(next(value));
        } catch (error) {
          resolve(Promise.resolve(error).then(rethrow));
        }
      };
      // A promise stays as it is; what only has a `then` is made to keep a promise's rules.
      Promise.resolve(work).then(
        (result) => become(done, result),
        (thrown: unknown) => become(failed, thrown),
      );
    });
  }

  /** What follows the handler's return, such as sending what it published: only the host's stop may cut it off. */
  afterwards<T>(work: MaybePromise<T>): MaybePromise<T | Outcome> {
    if (!isPromise(work)) return work;
    return new Promise((resolve, reject) => {
      this.interrupt = (outcome) => {
        if (outcome.kind === 'given-back') resolve(outcome);
      };
      work.then(resolve, reject).finally(() => (this.interrupt = undefined));
    });
  }

  /** From here on its store and bus refuse: nobody waits for what they would do. */
  end(reason?: unknown): void {
    this.over = true;
    this.interrupt = undefined;
    this.abortReason = reason;
    if (reason !== undefined) this.controller?.abort(reason);
  }

  /** @throws JetplugError `JP_RUN_OVER` when the call has ended */
  assertLive(what: string): void {
    if (!this.isOver) return;
    const { plugin, name, where } = this.handler;
    throw new JetplugError('JP_RUN_OVER', `${what} was called after the run of ${plugin}.${name} had ended`, {
      plugin,
      ...where,
    });
  }
}

export function rethrow(thrown: unknown): never {
  throw thrown;
}
