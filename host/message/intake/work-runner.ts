import { LogThrottle } from '../../base/log-throttle';
import { machineTime, type Time } from '../../base/time';
import { isPromise } from '../../base/maybe-promise';
import type { Delivery } from '../../broker/delivery';
import type { RunRegistry } from '../execution';
import type { Handler } from '../handler';
import { processBatch, processMessage } from '../process-message';
import { retryLater } from '../settle';
import { BufferedDelivery } from './buffered-delivery';
import type { DeliveryBuffer } from './delivery-buffer';
import type { ConcurrencyLimit } from './concurrency-limit';
import type { VersionRuns } from './version-runs';

const FAULT_DELAY_MS = 5_000;
const LOG_AGAIN_MS = 1_000;

/** One delivery, or those of a batch. */
export type Work = BufferedDelivery | readonly BufferedDelivery[];

export interface WorkEvents {
  /** Called when a delivery is settled and removed from the buffer. */
  left(buffered: BufferedDelivery): void;
  /** Called when work has ended and its permit is free. */
  ended(work: Work): void;
  /** Called after `ended` if the work ended asynchronously, because the next work must then be started. */
  freed(): void;
}

/** Runs deliveries in permits, on the newest version of their handler, and follows them until they are settled. */
export class WorkRunner {
  private renew: (handler: Handler) => Handler = (handler) => handler;
  private readonly throttle: LogThrottle;

  constructor(
    private readonly permits: ConcurrencyLimit,
    private readonly registry: RunRegistry,
    private readonly buffer: DeliveryBuffer,
    private readonly events: WorkEvents,
    time: Pick<Time, 'nowMs'> = machineTime,
  ) {
    this.throttle = new LogThrottle(LOG_AGAIN_MS, () => time.nowMs());
  }

  /**
   * Makes work that begins after this call run on the version that `renew` returns. Resolves when no other version
   * runs.
   */
  swap(concurrency: number, renew: (handler: Handler) => Handler): Promise<void> {
    this.renew = renew;
    return this.permits.renew(concurrency);
  }

  /**
   * Runs a delivery, and buffers it only if this call does not settle it. Most deliveries of fast handlers are settled
   * by this call.
   */
  runUnbuffered(delivery: Delivery, handler: Handler): void {
    const current = this.renew(handler);
    const runs = this.permits.take();
    try {
      const settled = processMessage(current, delivery, this.registry);
      if (!isPromise(settled)) return this.permits.free(runs);
      const buffered = new BufferedDelivery(delivery, current);
      buffered.hasBegun = true;
      this.buffer.add(buffered);
      this.follow(buffered, settled, runs);
    } catch (error) {
      this.fault(current, delivery, error);
      this.permits.free(runs);
    }
  }

  run(work: Work): void {
    const runs = this.permits.take();
    for (const buffered of each(work)) buffered.hasBegun = true;
    try {
      const settled = this.process(work);
      if (!isPromise(settled)) return this.finish(work, runs);
      this.follow(work, settled, runs);
    } catch (error) {
      this.faults(work, error);
      this.finish(work, runs);
    }
  }

  private process(work: Work): void | Promise<void> {
    if (work instanceof BufferedDelivery) {
      work.handler = this.renew(work.handler);
      return processMessage(work.handler, work.delivery, this.registry, work.decoded);
    }
    return processBatch(this.renew(work[0]!.handler), deliveriesOf(work), this.registry);
  }

  private follow(work: Work, settled: Promise<void>, runs: VersionRuns): void {
    settled.then(
      () => this.finishLate(work, runs),
      (error: unknown) => {
        this.faults(work, error);
        this.finishLate(work, runs);
      },
    );
  }

  private finishLate(work: Work, runs: VersionRuns): void {
    this.finish(work, runs);
    this.events.freed();
  }

  private finish(work: Work, runs: VersionRuns): void {
    for (const buffered of each(work)) {
      if (!buffered.hasLeft) continue;
      this.buffer.remove(buffered);
      this.events.left(buffered);
    }
    this.permits.free(runs);
    this.events.ended(work);
  }

  private faults(work: Work, error: unknown): void {
    for (const { handler, delivery } of each(work)) this.fault(handler, delivery, error);
  }

  /**
   * Logs the error and retries the event. The steps throw only if the broker or the host fails, which is not the event's
   * fault. Such a failure hits many events at a time, so not every one is logged.
   */
  private fault(handler: Handler, delivery: Delivery, error: unknown): void {
    if (delivery.settled) return;
    const suppressed = this.throttle.note('fault');
    if (suppressed !== undefined) {
      handler.log.error('event could not be processed; it is tried again', {
        handler: handler.name,
        subject: delivery.subject,
        sequence: delivery.sequence,
        ...(suppressed > 0 && { suppressed }),
        err: error,
      });
    }
    retryLater(delivery, FAULT_DELAY_MS);
  }
}

export function deliveriesOf(work: Work): readonly Delivery[] {
  return each(work).map(({ delivery }) => delivery);
}

function each(work: Work): readonly BufferedDelivery[] {
  return work instanceof BufferedDelivery ? [work] : work;
}
