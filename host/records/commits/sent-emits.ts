import type { Time, Timer } from '../../base/time';
import { eventKey, type Commit, type Departure, type Emit, type EventOf } from './commit';
import type { FoldedLog } from './folded-log';

const WRITE_DELAY_MS = 300;
/** The largest number of events that one commit names as sent. */
const MAX_NAMES = 2_000;

/**
 * The events whose emits are sent, and whose dead letter or deferred event is stored, until a commit says so. After
 * that, no host sends or stores them again.
 */
export class SentEmits {
  private readonly waiting: string[] = [];
  private timer: Timer | undefined;

  /** @param due called when a commit must be made for them, because no run makes one */
  constructor(
    private readonly folded: FoldedLog,
    private readonly time: Time,
    private readonly due: () => void,
  ) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Returns the emits of a committed run that may not be sent yet. */
  unsentOf(event: EventOf): readonly Emit[] {
    return this.folded.unsent.get(eventKey(event)) ?? [];
  }

  /** Returns how the event has left its stream, if its dead letter or the deferred event may not be stored yet. */
  departureOf(event: EventOf): Departure | undefined {
    return this.folded.left.get(eventKey(event));
  }

  /** Notes that all emits of the event are sent, and that its dead letter or the deferred event is stored. */
  note(event: EventOf): void {
    const name = eventKey(event);
    const hadEmits = this.folded.unsent.delete(name);
    const hadLeft = this.folded.left.delete(name);
    if (!hadEmits && !hadLeft) return;
    this.waiting.push(name);
    this.timer ??= this.time.after(WRITE_DELAY_MS, () => {
      this.timer = undefined;
      if (!this.isEmpty) this.due();
    });
  }

  /** Takes out names for a commit: all, or as many as one commit holds. */
  take(): readonly string[] {
    const taken = this.waiting.splice(0, MAX_NAMES);
    if (!this.isEmpty) this.due();
    return taken;
  }

  /** Puts back those of a commit that was refused. */
  putBack({ sent }: Commit): void {
    this.waiting.push(...sent);
  }

  stop(): void {
    this.timer?.cancel();
  }
}
