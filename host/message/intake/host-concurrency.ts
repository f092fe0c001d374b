import { oneAtATime } from '../../base/one-at-a-time';

/** A handler that has an event for which the host has no permit. */
export interface WaitingHandler {
  /** Starts what the handler may start now. */
  resume(): void;
}

/**
 * The permits of the whole host for calls of handlers. Handlers that wait for a permit take turns, one call each, so a
 * handler with many events does not delay one with few.
 */
export class HostConcurrency {
  private active = 0;
  private readonly waiting = new Set<WaitingHandler>();
  /** The handler whose turn it is, until it has begun one call. */
  private turn: WaitingHandler | undefined;
  /** A call within a call returns at once, because the loop of the first one gives all turns. */
  private readonly wake = oneAtATime(() => this.giveTurns());

  /** @param most how many calls run at the same time */
  constructor(readonly most: number) {}

  /** The number of calls that run. */
  get running(): number {
    return this.active;
  }

  /** Whether more calls run than permits exist, because calls have continued after a wait for something else. */
  get isOver(): boolean {
    return this.active > this.most;
  }

  /** Whether a call of the handler may begin now. */
  isFreeFor(handler: WaitingHandler): boolean {
    return this.active < this.most && (this.turn === handler || (this.turn === undefined && this.waiting.size === 0));
  }

  take(handler: WaitingHandler): void {
    this.active++;
    if (this.turn === handler) this.turn = undefined;
  }

  free(): void {
    this.active--;
    this.wake();
  }

  /** Gives the handler a turn when its time comes. Call it when {@link isFreeFor} is all that the handler waits for. */
  wait(handler: WaitingHandler): void {
    this.waiting.add(handler);
  }

  private giveTurns(): void {
    while (this.active < this.most && this.waiting.size > 0) {
      const [next] = this.waiting as Iterable<WaitingHandler> as [WaitingHandler];
      this.waiting.delete(next);
      this.turn = next;
      next.resume();
      this.turn = undefined;
    }
  }
}
