import type { Admission } from './admission';
import type { ConcurrencyLimit } from './concurrency-limit';
import type { DispatchOrder } from './dispatch-order';
import type { Pace } from './pace';
import { deliveriesOf, type Work } from './work-runner';

export interface StartLoopOptions {
  readonly order: Pick<DispatchOrder, 'next' | 'ready'>;
  readonly permits: Pick<ConcurrencyLimit, 'isFree' | 'waitForHost'>;
  /** Absent if the handler has no rate. */
  readonly pace: Pace | undefined;
  /** Counts the events as they begin; absent if they are counted as they arrive. */
  readonly admission: Pick<Admission, 'isOpen' | 'take'> | undefined;
  run(work: Work): void;
}

/** Starts the work of a handler that waits, as far as the limits allow. */
export class StartLoop {
  private isStarting = false;

  constructor(private readonly options: StartLoopOptions) {}

  /** A call within a call returns at once, because the loop of the first one starts all work that may start. */
  start(): void {
    if (this.isStarting) return;
    this.isStarting = true;
    try {
      this.startAll();
    } finally {
      this.isStarting = false;
    }
  }

  private startAll(): void {
    const { order, permits, pace, admission, run } = this.options;
    while (permits.isFree) {
      if (admission && !admission.isOpen) return;
      if (pace && !pace.mayBegin(order.ready)) return;
      const next = order.next();
      if (!next) return;
      admission?.take();
      pace?.began(deliveriesOf(next));
      run(next);
    }
    if (order.ready > 0) permits.waitForHost();
  }
}
