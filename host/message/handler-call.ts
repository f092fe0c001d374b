import { JetplugError } from '../../sdk/internal';
import type { Handler } from './handler';

/** The parts of a handler that its calls report. */
export type CalledHandler = Pick<Handler, 'plugin' | 'name' | 'where'>;

/** One call of a handler, from the view of the author's code. It ends once; afterwards its store and bus throw. */
export class HandlerCall<H extends CalledHandler = CalledHandler> {
  private over = false;
  private controller: AbortController | undefined;
  private abortReason: unknown;

  constructor(readonly handler: H) {}

  get isOver(): boolean {
    return this.over;
  }

  /** Made at the first use: an AbortController for every message would cost half the throughput. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.over) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  /** Ends the call: from now on its store and bus throw. With a reason, its signal is aborted. */
  end(reason?: unknown): void {
    if (this.over) return;
    this.over = true;
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

  /** The error of a call in a batch that does not say which of the batch's events it is for. */
  protected noEvent(event: object | undefined, what: string): JetplugError {
    const { plugin, name, where } = this.handler;
    const why = event ? 'for an object that is no event of its batch' : 'without { for: event }';
    return new JetplugError('JP_BATCH_EVENT', `${plugin}.${name} called ${what} ${why}`, { plugin, ...where });
  }
}
