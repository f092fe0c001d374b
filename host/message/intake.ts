import { isPromise } from '../maybe-promise';
import type { Delivery } from './delivery';
import { timedOut } from './dispatch';
import type { Handler } from './handler';
import { processMessage, type RunRegistry } from './process-message';
import type { Run } from './run';

/** A delivery in this host's hands, waiting or running. */
interface Held {
  readonly delivery: Delivery;
  readonly handler: Handler;
  /** When the server last heard of it. */
  touchedAtMs: number;
}

const FAULT_DELAY_MS = 5_000;

/**
 * One handler's deliveries in this host: lets `concurrency` of them run and the rest wait, keeps the
 * server informed of both, and interrupts what takes too long.
 */
export class Intake implements RunRegistry {
  private readonly waiting: Held[] = [];
  private readonly held = new Set<Held>();
  private readonly runs = new Set<Run>();
  private active = 0;
  private stopping = false;
  /** How many deliveries are still let in; the rest goes back at once. */
  private admitted = Infinity;
  private whenIdle: (() => void) | undefined;

  /** @param onRoom called when a waiting delivery has begun to run, so that the next can be asked for */
  constructor(
    private readonly limits: Pick<Handler, 'concurrency' | 'timeoutMs'>,
    private readonly ackWaitMs: number,
    private readonly onRoom: () => void,
  ) {}

  get running(): number {
    return this.active;
  }

  get queued(): number {
    return this.waiting.length;
  }

  /** Takes a delivery for the handler, as it is set up for the stream that the delivery is from. */
  offer(delivery: Delivery, handler: Handler): void {
    if (this.stopping || this.admitted <= 0) return delivery.nak();
    this.admitted--;
    const held: Held = { delivery, handler, touchedAtMs: performance.now() };
    this.held.add(held);
    this.waiting.push(held);
    this.startNext();
  }

  /** Gives back what waits, and lets in so many more deliveries and no more: none, one for a probe, or all. */
  admit(count: number): void {
    this.admitted = count;
    if (count === 0) this.giveBackWaiting();
  }

  add(run: Run): void {
    this.runs.add(run);
  }

  remove(run: Run): void {
    this.runs.delete(run);
  }

  /** Prolongs what waits or runs, and interrupts what has run too long. Called every now and then. */
  sweep(nowMs: number): void {
    for (const held of this.held) {
      if (nowMs - held.touchedAtMs < this.ackWaitMs / 3) continue;
      held.delivery.working();
      held.touchedAtMs = nowMs;
    }
    for (const run of this.runs) {
      if (nowMs - run.startedAtMs >= this.limits.timeoutMs) run.interrupt?.(timedOut(run));
    }
  }

  /**
   * Gives back what has not begun, and waits for what has; what is not done by the deadline is
   * given back as well. Resolves when everything is settled.
   */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.giveBackWaiting();
    if (this.active === 0) return;
    const idle = new Promise<void>((resolve) => (this.whenIdle = resolve));
    const timer = setTimeout(() => this.giveBack(), graceMs);
    await idle;
    clearTimeout(timer);
  }

  private giveBackWaiting(): void {
    for (const held of this.waiting.splice(0)) {
      this.held.delete(held);
      held.delivery.nak();
    }
  }

  private giveBack(): void {
    for (const run of this.runs) run.interrupt?.({ kind: 'given-back' });
  }

  private startNext(): void {
    while (this.active < this.limits.concurrency) {
      const held = this.waiting.shift();
      if (!held) return;
      this.start(held);
      this.onRoom();
    }
  }

  private start(held: Held): void {
    this.active++;
    try {
      const settled = processMessage(held.handler, held.delivery, this);
      if (!isPromise(settled)) return this.finish(held);
      settled.then(
        () => this.finishAndGoOn(held),
        (error: unknown) => {
          this.fault(held, error);
          this.finishAndGoOn(held);
        },
      );
    } catch (error) {
      this.fault(held, error);
      this.finish(held);
    }
  }

  private finishAndGoOn(held: Held): void {
    this.finish(held);
    this.startNext();
  }

  private finish(held: Held): void {
    this.held.delete(held);
    this.active--;
    if (this.stopping && this.active === 0) this.whenIdle?.();
  }

  /** The stages do not throw; what still does is the broker's doing or a fault of the host's, not the event's. */
  private fault(held: Held, error: unknown): void {
    held.handler.log.error('an event could not be processed; it comes again', {
      handler: held.handler.name,
      subject: held.delivery.subject,
      sequence: held.delivery.sequence,
      err: error,
    });
    if (!held.delivery.settled) held.delivery.nak(FAULT_DELAY_MS);
  }
}
