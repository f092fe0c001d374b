import type { Time, Timer } from '../../../../host/base/time';
import { Gate } from './fake-log';

/** A time that moves with each turn of the event loop, by a millisecond or more, so that a test waits for no real time. */
export class TurnTime implements Time {
  private now = 1_000;
  private readonly timers = new Set<{ atMs: number; act: () => void }>();
  private isRunning = false;
  private isOver = false;

  /** @param gate while it is closed, the time moves and no timer fires */
  constructor(
    private readonly gate = new Gate(),
    private readonly stepMs = 1,
  ) {}

  epochMs(): number {
    return this.now;
  }

  nowMs(): number {
    return this.now;
  }

  after(delayMs: number, act: () => void): Timer {
    const timer = { atMs: this.now + delayMs, act };
    this.timers.add(timer);
    this.run();
    return { cancel: () => void this.timers.delete(timer) };
  }

  soon(act: () => void): void {
    setImmediate(act);
  }

  every(periodMs: number, act: () => void): Timer {
    let timer = this.after(periodMs, again.bind(this));
    function again(this: TurnTime): void {
      timer = this.after(periodMs, again.bind(this));
      act();
    }
    return { cancel: () => timer.cancel() };
  }

  /** Moves the time at once, and fires the timers that are due with the next turn. One that repeats fires once. */
  skip(ms: number): void {
    this.now += ms;
  }

  /** Fires no timer any more. */
  end(): void {
    this.isOver = true;
  }

  private run(): void {
    if (this.isRunning || this.isOver) return;
    this.isRunning = true;
    setImmediate(() => {
      this.isRunning = false;
      this.now += this.stepMs;
      for (const timer of [...this.timers]) {
        if (this.gate.isClosed || timer.atMs > this.now || !this.timers.delete(timer)) continue;
        timer.act();
      }
      if (this.timers.size > 0) this.run();
    });
  }
}
