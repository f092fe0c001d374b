import type { Delivery } from '../broker/delivery';
import type { DurablePull } from '../broker/pull';
import type { MemoryDurable, Puller } from './memory-durable';
import type { PullSink } from '../broker/pull';

/** Pulls from a durable in memory as much as its sink has room for. */
export class MemoryPull implements DurablePull, Puller {
  private open = false;
  private paused = false;
  private held = false;
  private probes = 0;

  constructor(
    private readonly durable: MemoryDurable,
    private readonly sink: PullSink,
  ) {}

  get wants(): boolean {
    if (!this.open || this.held) return false;
    return this.paused ? this.probes > 0 : this.sink.room() > 0;
  }

  deliver(delivery: Delivery): void {
    if (this.paused) this.probes--;
    this.sink.deliver(delivery, false);
  }

  start({ held = false } = {}): void {
    this.open = true;
    this.held = held;
    this.durable.join(this);
  }

  request(): void {
    this.durable.wake();
  }

  pause(): void {
    this.paused = true;
    this.probes = 0;
  }

  probe(): void {
    this.probes = 1;
    this.durable.wake();
  }

  resume(): void {
    this.paused = false;
    this.durable.wake();
  }

  hold(): void {
    this.held = true;
  }

  renew(): void {
    this.durable.wake();
  }

  nudge(): void {
    // No request waits in vain here.
  }

  found(): void {
    this.held = false;
    this.durable.wake();
  }

  disown(): void {
    // No stream is lost here.
  }

  async stop(): Promise<void> {
    this.open = false;
    this.durable.leave(this);
  }
}
