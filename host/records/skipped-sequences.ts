import { SettledSet } from './settled-set';

/** The state of a durable on the server. */
export interface DurableCheckpoint {
  /** The time at which the durable was created. A durable that is created again restarts its consumer sequence. */
  readonly created: string;
  /** The last stream sequence that the durable has delivered or skipped. */
  readonly delivered: number;
  /** The ack floor: everything up to this sequence is settled on the server. */
  readonly ackFloor: number;
  /** Whether the durable's filter and its `max_deliver` let every event of the handler through. */
  readonly isComplete: boolean;
}

export interface DeliveryPosition {
  readonly consumerSequence: number;
  readonly sequence: number;
  readonly deliveryCount: number;
}

/**
 * Finds the sequences that a durable skips, such as messages of other subjects, and counts them as settled. If the
 * consumer sequence of a first delivery directly follows that of another delivery, the durable has skipped all stream
 * sequences between this delivery and the first delivery before it.
 */
export class SkippedSequences {
  /** Skipped sequences that may be the handler's own events: somebody may have narrowed the durable's filter. */
  private readonly unconfirmed = new SettledSet();
  /** The creation time of the durable that delivers now. */
  private created: string | undefined;
  private last: { consumerSequence: number; firstSequence: number } | undefined;

  /**
   * @param settled receives the skipped sequences
   * @param hasWildcards whether the handler's subject has wildcards: only then can the durable's filter be narrower
   * than that subject. Without wildcards, a durable that delivers an event of the handler has the handler's filter, so
   * no check is needed.
   */
  constructor(
    private readonly settled: SettledSet,
    private readonly hasWildcards: boolean,
  ) {}

  observe({ consumerSequence, sequence, deliveryCount }: DeliveryPosition): void {
    const { last } = this;
    const isAdjacent = consumerSequence === (last?.consumerSequence ?? 0) + 1;
    const isFirst = deliveryCount === 1;
    if (isFirst && isAdjacent) {
      const skipped = this.hasWildcards ? this.unconfirmed : this.settled;
      skipped.add((last?.firstSequence ?? 0) + 1, sequence - 1);
    }
    if (isFirst) this.last = { consumerSequence, firstSequence: sequence };
    else if (last) this.last = isAdjacent ? { ...last, consumerSequence } : undefined;
  }

  /**
   * Counts the unconfirmed sequences up to the checkpoint as settled, if the durable's settings let every event of the
   * handler through. Returns false if somebody has created the durable again: then the checkpoint does not belong to
   * the deliveries seen so far.
   */
  confirm({ created, delivered, ackFloor, isComplete }: DurableCheckpoint): boolean {
    if (created !== this.created) return false;
    if (!isComplete) return true;
    this.settled.merge(this.unconfirmed.takeUpTo(delivered));
    this.settled.add(1, ackFloor);
    return true;
  }

  /**
   * Follows the durable that was created at the given time. If it is a new one, forgets the deliveries of the former.
   */
  follow(created: string): void {
    if (created !== this.created) this.forgetDeliveries();
    this.created = created;
  }

  /**
   * Forgets the deliveries seen so far, because the durable may have been created again, which restarts its consumer
   * sequence.
   */
  forgetDeliveries(): void {
    this.last = undefined;
    this.unconfirmed.clear();
  }
}
