import type { Time, Timer } from '../../base/time';
import { eventKey, type Commit, type Emit, type EventOf } from './commit';
import type { FoldedLog } from './folded-log';

const WRITE_DELAY_MS = 300;

/** The emits that are sent, until a commit says so. After that, no host sends them again. */
export class SentEmits {
  private waiting: string[] = [];
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

  /** Notes that all emits of the event are sent. */
  note(event: EventOf): void {
    const name = eventKey(event);
    if (!this.folded.unsent.delete(name)) return;
    this.waiting.push(name);
    this.timer ??= this.time.after(WRITE_DELAY_MS, () => {
      this.timer = undefined;
      if (!this.isEmpty) this.due();
    });
  }

  /** Takes out all of them for a commit. */
  take(): readonly string[] {
    const taken = this.waiting;
    this.waiting = [];
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
