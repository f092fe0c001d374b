import { JetplugError } from '../../sdk/internal';
import type { Handler } from './handler';

/** The parts of a handler that the errors of its calls name. */
export type CalledHandler = Pick<Handler, 'plugin' | 'name' | 'where'>;

/** One call of a handler, as the plugin's code sees it. The call ends once; afterwards the store and the bus throw. */
export class HandlerCall<H extends CalledHandler = CalledHandler> {
  private over = false;
  private controller: AbortController | undefined;
  private abortReason: unknown;

  constructor(readonly handler: H) {}

  get isOver(): boolean {
    return this.over;
  }

  /** Created at the first use, because an AbortController for every message would cost half the throughput. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.over) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  /**
   * Ends the call. From then on, the store and the event bus throw when the handler uses them. If there is a reason, the
   * call's signal is aborted.
   */
  end(reason?: unknown): void {
    if (this.over) return;
    this.over = true;
    this.abortReason = reason;
    if (reason !== undefined) this.controller?.abort(reason);
  }

  /**
   * Checks that the call has not ended.
   * @throws JetplugError `JP_RUN_OVER` when the call has ended
   */
  assertLive(what: string): void {
    if (!this.isOver) return;
    const { plugin, name, where } = this.handler;
    throw new JetplugError('JP_RUN_OVER', `${what} was called after the run of ${plugin}.${name} had ended`, {
      plugin,
      ...where,
    });
  }

  /** Returns the error for a call that does not say which event of the batch it is for. */
  protected noEvent(event: object | undefined, what: string): JetplugError {
    const { plugin, name, where } = this.handler;
    const why = event ? 'for an object that is no event of its batch' : 'without { for: event }';
    return new JetplugError('JP_BATCH_EVENT', `${plugin}.${name} called ${what} ${why}`, { plugin, ...where });
  }
}
