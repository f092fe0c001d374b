import type { Delivery } from '../broker/delivery';
import type { DurablePull, PullSink } from '../broker/pull';
import type { MemoryDurable, Puller } from './memory-durable';

/** Pulls from a durable in memory as many messages as the sink can take. */
export class MemoryPull implements DurablePull, Puller {
  private open = false;
  private paused = false;
  private suspended = false;
  private probes = 0;

  constructor(
    private readonly durable: MemoryDurable,
    private readonly sink: PullSink,
  ) {}

  get wants(): boolean {
    if (!this.open || this.suspended) return false;
    return this.paused ? this.probes > 0 : this.sink.capacity() > 0;
  }

  deliver(delivery: Delivery): void {
    if (this.paused) this.probes--;
    this.sink.deliver(delivery, false);
  }

  start({ suspended = false } = {}): void {
    this.open = true;
    this.suspended = suspended;
    this.durable.join(this);
  }

  request(): void {
    this.durable.deliverSoon();
  }

  pause(): void {
    this.paused = true;
    this.probes = 0;
  }

  probe(): void {
    this.probes = 1;
    this.durable.deliverSoon();
  }

  resume(): void {
    this.paused = false;
    this.durable.deliverSoon();
  }

  suspend(): void {
    this.suspended = true;
  }

  renew(): void {
    this.durable.deliverSoon();
  }

  nudge(): void {
    // A request in memory is always served.
  }

  found(): void {
    this.suspended = false;
    this.durable.deliverSoon();
  }

  disown(): void {
    // A stream in memory is never lost.
  }

  async stop(): Promise<void> {
    this.open = false;
    this.durable.leave(this);
  }
}
