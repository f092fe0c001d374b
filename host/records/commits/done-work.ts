import type { Time } from '../../base/time';
import { eventKey, type Commit, type EventOf } from './commit';
import type { CommittedParts } from './committed-parts';
import { LateNotes } from './late-notes';

/** The events whose after-commit work is done, until a commit says so. After that, no host does it again. */
export class DoneWork {
  private readonly notes: LateNotes<string>;

  /** @param due called when a commit must be made for them, because no run makes one */
  constructor(
    private readonly parts: CommittedParts,
    time: Time,
    due: () => void,
  ) {
    this.notes = new LateNotes(time, due);
  }

  get isEmpty(): boolean {
    return this.notes.isEmpty;
  }

  /** Notes that the work of the event is done. */
  note(event: EventOf): void {
    this.noteDone(eventKey(event));
  }

  /** Notes that the work of an event, named by {@link eventKey}, is done. */
  noteDone(name: string): void {
    if (this.parts.noteWorkDone(name)) this.notes.add([name]);
  }

  /** Takes out names for a commit: all, or as many as one commit holds. */
  take(): readonly string[] {
    return this.notes.take();
  }

  /** Puts back those of a commit that was refused. */
  putBack({ worked = [] }: Commit): void {
    this.notes.add(worked);
  }

  /** Makes no commit by itself any more. */
  stop(): void {
    this.notes.stop();
  }
}
