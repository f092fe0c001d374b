import { covers } from '../../sdk/internal';
import type { Delivery } from '../broker/delivery';
import type { DurableSettings } from '../broker/durable';

/** The maximum number of cached subjects that match. Any other subject is matched at each delivery. */
const MAX_CACHED_SUBJECTS = 1_000;
/** The maximum number of mismatches that are remembered until their redelivery. */
const MAX_REMEMBERED = 10_000;
/**
 * After this many deliveries of an event without a payload, the host takes the size header to come from the publisher.
 */
const MAX_WITHOUT_PAYLOAD = 3;
/** The server sets this header on a delivery without its payload, from a durable with `headers_only`. */
const SIZE_HEADER = 'nats-msg-size';

/**
 * - `accepted`: the delivery is for the handler.
 * - `mismatch`: the durable delivers it only because somebody has changed its filter or its `headers_only`.
 * - `unsubscribed`: a redelivered mismatch. The filter is corrected by now, so the event is not for the handler. Or an
 *   event that was stored under an earlier subject of the handler after the handler had changed its subject.
 */
export type Verdict = 'accepted' | 'mismatch' | 'unsubscribed';

/** Finds deliveries that must not reach the handler because somebody has changed the durable's settings. */
export class DeliveryFilter {
  private readonly matching = new Set<string>();
  /** The number of mismatches of each sequence. */
  private readonly mismatches = new Map<number, number>();

  /** @param durable the subjects that the handler subscribes to */
  constructor(private readonly durable: Pick<DurableSettings, 'subject' | 'former'>) {}

  judge(delivery: Delivery): Verdict {
    const { subject } = delivery;
    if (!this.matching.has(subject) && !this.matches(subject)) {
      const former = (this.durable.former ?? []).filter((one) => covers(one.subject, subject));
      if (former.some(({ until }) => delivery.sequence <= until)) return 'accepted';
      if (former.length > 0) return 'unsubscribed';
      return this.isNthMismatch(delivery, 2) ? 'unsubscribed' : 'mismatch';
    }
    if (delivery.size > 0 || delivery.header(SIZE_HEADER) === undefined) return 'accepted';
    return this.isNthMismatch(delivery, MAX_WITHOUT_PAYLOAD + 1) ? 'accepted' : 'mismatch';
  }

  /** Counts the mismatch, and returns whether it is the nth mismatch of its sequence. */
  private isNthMismatch({ sequence }: Delivery, nth: number): boolean {
    const count = (this.mismatches.get(sequence) ?? 0) + 1;
    if (this.mismatches.size >= MAX_REMEMBERED) this.mismatches.clear();
    if (count < nth) this.mismatches.set(sequence, count);
    else this.mismatches.delete(sequence);
    return count >= nth;
  }

  private matches(subject: string): boolean {
    if (!covers(this.durable.subject, subject)) return false;
    if (this.matching.size < MAX_CACHED_SUBJECTS) this.matching.add(subject);
    return true;
  }
}
