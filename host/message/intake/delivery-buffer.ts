import { SequenceMap } from '../../base/sequence-map';
import type { Delivery, MessageRef } from '../../broker/delivery';
import type { Settlements } from '../../records/settlements';
import type { Handler } from '../handler';
import { BufferedDelivery, bySequence, type DeliveryState } from './buffered-delivery';
import type { HostMemory } from './host-memory';

/**
 * The deliveries of one handler in this host, by stream and sequence. The buffer extends their ack wait on the server.
 */
export class DeliveryBuffer {
  /** The deliveries by stream. A handler has one settlements object for each stream. */
  private readonly byStream = new Map<Settlements, SequenceMap<BufferedDelivery>>();
  private count = 0;

  /** @param memory counts the payloads of all handlers. Default: none counts them */
  constructor(private readonly memory?: HostMemory) {}

  get size(): number {
    return this.count;
  }

  /** The number of deliveries of one stream. */
  sizeOf(settlements: Settlements): number {
    return this.byStream.get(settlements)?.size ?? 0;
  }

  get(settlements: Settlements, sequence: number): BufferedDelivery | undefined {
    return this.byStream.get(settlements)?.get(sequence);
  }

  /**
   * Buffers a delivery. Ignores a message that is in this host already, which the server redelivers if the host sent
   * nothing during the ack wait.
   */
  take(delivery: Delivery, handler: Handler): BufferedDelivery | undefined {
    const present = this.get(handler.settlements, delivery.sequence);
    if (present && !present.hasLeft) return undefined;
    if (present) this.remove(present);
    const buffered = new BufferedDelivery(delivery, handler);
    this.add(buffered);
    return buffered;
  }

  add(buffered: BufferedDelivery): void {
    const { settlements } = buffered.handler;
    const stream = this.byStream.get(settlements) ?? new SequenceMap<BufferedDelivery>();
    stream.set(buffered.delivery.sequence, buffered);
    this.byStream.set(settlements, stream);
    this.count++;
    this.memory?.add(buffered.delivery.size);
  }

  remove(buffered: BufferedDelivery): void {
    const { settlements } = buffered.handler;
    const stream = this.byStream.get(settlements);
    const { sequence } = buffered.delivery;
    // A batch may have released the delivery before it ended, and the message may have been redelivered since.
    if (stream?.get(sequence) !== buffered) return;
    stream.delete(sequence);
    this.count--;
    this.memory?.remove(buffered.delivery.size);
    if (stream.size === 0 && this.byStream.size > 1) this.byStream.delete(settlements);
  }

  *[Symbol.iterator](): Generator<BufferedDelivery> {
    for (const stream of this.byStream.values()) yield* stream.values();
  }

  /** Returns the state of an event's delivery; undefined if the event is not here. */
  stateOf({ stream, sequence }: Pick<MessageRef, 'stream' | 'sequence'>): DeliveryState | undefined {
    for (const { delivery, hasLeft, state } of this) {
      const { origin } = delivery;
      if (!hasLeft && origin.sequence === sequence && origin.stream === stream) return state;
    }
    return undefined;
  }

  /**
   * Nacks and removes the deliveries that have not begun, and those that wait for their retry.
   * @param waiting those that have not begun
   * @returns those that waited for their retry
   */
  release(waiting: readonly BufferedDelivery[]): readonly BufferedDelivery[] {
    const retrying = [...this].filter(({ isRetrying }) => isRetrying);
    // In stream order, as the server redelivers them in the order of the nacks.
    for (const buffered of [...waiting, ...retrying].sort(bySequence)) {
      buffered.release();
      this.remove(buffered);
    }
    return retrying;
  }

  /** Removes all deliveries, because another host gets their events. */
  drop(): void {
    for (const buffered of [...this]) {
      buffered.drop();
      this.remove(buffered);
    }
  }

  /** Restarts the server's ack wait of each delivery once a third of it has passed. */
  extendAckWait(nowMs: number, ackWaitMs: number): void {
    if (this.count === 0) return;
    for (const buffered of this) {
      if (nowMs - buffered.touchedAtMs < ackWaitMs / 3) continue;
      buffered.delivery.working();
      buffered.touchedAtMs = nowMs;
    }
  }
}
