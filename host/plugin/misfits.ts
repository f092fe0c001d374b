import { covers } from '../../sdk/internal';
import type { Delivery } from '../broker/delivery';

/** How many matching subjects are cached; any other subject is matched at each delivery. */
const MOST_KNOWN = 1_000;
/** Deliveries that did not fit are remembered, until they come again. */
const MOST_SEEN = 10_000;
/** A delivery that comes so often without its payload has the header from its publisher. */
const MOST_WITHOUT_PAYLOAD = 3;
/** The server's mark of a delivery without its payload, from a durable with `headers_only`. */
const SIZE_HEADER = 'nats-msg-size';

/**
 * `misfit`: the durable sends it only because somebody has changed its filter or its `headers_only`.
 * `left-over`: it was a misfit before, and the filter was corrected since: it is not for the handler.
 */
export type Fit = 'fits' | 'misfit' | 'left-over';

/** Finds the deliveries that must not come to the handler, as the durable's settings were changed. */
export class Misfits {
  private readonly matching = new Set<string>();
  /** How often each sequence was a misfit. */
  private readonly seen = new Map<number, number>();

  constructor(private readonly filter: string) {}

  judge(delivery: Delivery): Fit {
    const { subject } = delivery;
    if (!this.matching.has(subject) && !this.matches(subject)) return this.isNth(delivery, 2) ? 'left-over' : 'misfit';
    if (delivery.size > 0 || delivery.header(SIZE_HEADER) === undefined) return 'fits';
    return this.isNth(delivery, MOST_WITHOUT_PAYLOAD + 1) ? 'fits' : 'misfit';
  }

  /** Counts the misfit; whether it is the nth time. */
  private isNth({ sequence }: Delivery, nth: number): boolean {
    const count = (this.seen.get(sequence) ?? 0) + 1;
    if (this.seen.size >= MOST_SEEN) this.seen.clear();
    if (count < nth) this.seen.set(sequence, count);
    else this.seen.delete(sequence);
    return count >= nth;
  }

  private matches(subject: string): boolean {
    if (!covers(this.filter, subject)) return false;
    if (this.matching.size < MOST_KNOWN) this.matching.add(subject);
    return true;
  }
}
