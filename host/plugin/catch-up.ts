import type { Delivery } from '../broker/delivery';
import type { Time, Timer } from '../base/time';

/** What the server may take longer than its ack wait to give an event out again. */
const MARGIN_MS = 1_000;

/**
 * Waits for events that were delivered before and are not settled: those of a host that died, or lost on their
 * way here. What was given back comes at once; the rest when its ack wait is over. What another host still
 * works on does not come, so that the wait is bounded.
 */
export class CatchUp {
  /** How many may arrive meanwhile. */
  private allowed: number;
  private came = 0;
  private cameAgain = 0;
  private timer: Timer;

  constructor(
    private readonly missing: number,
    ackWaitMs: number,
    private readonly time: Time,
    private readonly then: { more(): void; done(): void },
  ) {
    this.allowed = missing;
    this.timer = time.after(ackWaitMs + MARGIN_MS, () => this.lastCall());
  }

  get room(): number {
    return this.allowed - this.came;
  }

  arrived(delivery: Delivery): void {
    this.came++;
    if (delivery.deliveryCount > 1) this.cameAgain++;
    if (this.cameAgain >= this.missing) this.end();
  }

  cancel(): void {
    this.timer.cancel();
  }

  /** Newer events may have taken the places: redeliveries come before all else now. */
  private lastCall(): void {
    this.allowed = this.came + this.missing - this.cameAgain;
    this.timer = this.time.after(MARGIN_MS, () => this.end());
    this.then.more();
  }

  private end(): void {
    this.timer.cancel();
    this.then.done();
  }
}
