import { JetplugError } from '../../sdk/internal';
import type { Handler } from './handler';

/** The parts of a handler that its calls report. */
export type CalledHandler = Pick<Handler, 'plugin' | 'name' | 'where'>;

/** One call of a handler, as the author's code meets it: it ends once, and from there on its store and bus refuse. */
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

  /** From here on its store and bus refuse. With a reason, its signal is aborted. */
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

  /** The error where a batch is not given which of its events is meant. */
  protected noEvent(event: object | undefined, what: string): JetplugError {
    const { plugin, name, where } = this.handler;
    const why = event ? 'for an object that is no event of its batch' : 'without { for: event }';
    return new JetplugError('JP_BATCH_EVENT', `${plugin}.${name} called ${what} ${why}`, { plugin, ...where });
  }
}
