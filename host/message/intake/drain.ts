import type { Time } from '../../base/time';
import type { DeliveryBuffer } from './delivery-buffer';

/** The wait for the runs of a handler that another host takes over. Deliveries that arrive meanwhile are nacked. */
export class Drain {
  isActive = false;
  private ended: (() => void) | undefined;

  constructor(
    private readonly buffer: Pick<DeliveryBuffer, 'size'>,
    private readonly time: Time,
  ) {}

  /** Waits until no delivery is left. Resolves with false if the time is over before. */
  async wait(patienceMs: number): Promise<boolean> {
    if (this.buffer.size === 0) return true;
    const timer = this.time.after(patienceMs, () => this.ended?.());
    await new Promise<void>((resolve) => (this.ended = resolve));
    this.ended = undefined;
    timer.cancel();
    return this.buffer.size === 0;
  }

  /** Called when a delivery has left. */
  left(): void {
    if (this.buffer.size === 0) this.ended?.();
  }
}
