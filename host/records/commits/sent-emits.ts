import type { Time } from '../../base/time';
import { eventKey, type Commit, type Departure, type Emit, type EventOf, type SentEvent } from './commit';
import type { FoldedLog } from './folded-log';
import { LateNotes } from './late-notes';

/**
 * The emits that are sent, and the dead letters and deferred events that are stored, until a commit says so. After that,
 * no host sends or stores them again.
 */
export class SentEmits {
  private readonly notes: LateNotes<SentEvent>;

  /** @param due called when a commit must be made for them, because no run makes one */
  constructor(
    private readonly folded: FoldedLog,
    time: Time,
    due: () => void,
  ) {
    this.notes = new LateNotes(time, due);
  }

  get isEmpty(): boolean {
    return this.notes.isEmpty;
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

  /** Notes that nothing is left to do for the commits of an event, named by {@link eventKey}, up to a position. */
  noteUpTo(name: string, position: number): void {
    this.folded.noteSent(name, position);
    this.notes.add([[name, position]]);
  }

  /** Takes out names for a commit: all, or as many as one commit holds. */
  take(): readonly SentEvent[] {
    return this.notes.take();
  }

  /** Puts back those of a commit that was refused. */
  putBack({ sent }: Commit): void {
    this.notes.add(sent);
  }

  /** Makes no commit by itself any more. */
  stop(): void {
    this.notes.stop();
  }
}
