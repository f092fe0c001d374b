import { oneAtATime } from '../../base/one-at-a-time';
import type { Admission } from './admission';
import type { ConcurrencyLimit } from './concurrency-limit';
import type { DispatchOrder } from './dispatch-order';
import type { Pace } from './pace';
import { deliveriesOf, type WorkRunner } from './work-runner';

export interface StartLoopOptions {
  readonly order: Pick<DispatchOrder, 'next' | 'ready'>;
  readonly permits: Pick<ConcurrencyLimit, 'isFree' | 'waitForHost'>;
  /** Absent if the handler has no rate. */
  readonly pace: Pace | undefined;
  /** Counts the events as they begin; absent if they are counted as they arrive. */
  readonly admission: Pick<Admission, 'isOpen' | 'take'> | undefined;
  readonly runner: Pick<WorkRunner, 'run'>;
  /** Called when a place for another delivery is free. */
  onCapacity(): void;
}

/**
 * Returns a function that starts the work of a handler that waits, as far as the limits allow. A call within a call returns
 * at once, because the loop of the first one starts all work that may start.
 */
export function startLoop({ order, permits, pace, admission, runner, onCapacity }: StartLoopOptions): () => void {
  return oneAtATime(() => {
    while (permits.isFree) {
      if (admission && !admission.isOpen) return;
      if (pace && !pace.mayBegin(order.ready)) return;
      const next = order.next();
      if (!next) return;
      admission?.take();
      pace?.began(deliveriesOf(next));
      runner.run(next);
      onCapacity();
    }
    if (order.ready > 0) permits.waitForHost();
  });
}
