import type { Time, Timer } from '../../base/time';
import { eventKey, type Commit, type Departure, type Emit, type EventOf, type SentEvent } from './commit';
import type { FoldedLog } from './folded-log';

const WRITE_DELAY_MS = 300;
/** The largest number of events that one commit names as sent. */
const MAX_NAMES = 2_000;

/**
 * The emits that are sent, and the dead letters and deferred events that are stored, until a commit says so. After that,
 * no host sends or stores them again.
 */
export class SentEmits {
  private readonly waiting: SentEvent[] = [];
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
    return this.folded.unsentOf(event);
  }

  /**
   * Notes that emits of the event are sent.
   * @param emits the emits that {@link unsentOf} has returned. A later commit of the event may have added others.
   */
  note(event: EventOf, emits: readonly Emit[] = this.unsentOf(event)): void {
    const name = eventKey(event);
    const sent = this.folded.unsent.get(name)?.findLast((commit) => emits.includes(commit.emits.at(-1)!));
    if (sent) this.noteUpTo(name, sent.position);
  }

  /** Returns how the event has left its stream, if its dead letter or the deferred event may not be stored yet. */
  departureOf(event: EventOf): Departure | undefined {
    return this.folded.left.get(eventKey(event))?.departure;
  }

  /** Notes that the dead letter or the deferred event of an event is stored. Its emits are sent before. */
  noteLeft(event: EventOf): void {
    const name = eventKey(event);
    const left = this.folded.left.get(name);
    if (left) this.noteUpTo(name, left.position);
  }

  /** Takes out names for a commit: all, or as many as one commit holds. */
  take(): readonly SentEvent[] {
    const taken = this.waiting.splice(0, MAX_NAMES);
    if (!this.isEmpty) this.due();
    return taken;
  }

  /** Puts back those of a commit that was refused. */
  putBack({ sent }: Commit): void {
    if (sent.length === 0) return;
    this.waiting.push(...sent);
    this.schedule();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private noteUpTo(name: string, position: number): void {
    this.folded.noteSent(name, position);
    this.waiting.push([name, position]);
    this.schedule();
  }

  private schedule(): void {
    this.timer ??= this.time.after(WRITE_DELAY_MS, () => {
      this.timer = undefined;
      if (!this.isEmpty) this.due();
    });
  }
}
