import type { Time, Timer } from '../../base/time';
import { eventKey, type Commit, type Emit, type EventOf, type SentEvent } from './commit';
import type { FoldedLog } from './folded-log';

const WRITE_DELAY_MS = 300;

/** The emits that are sent, until a commit says so. After that, no host sends them again. */
export class SentEmits {
  private waiting: SentEvent[] = [];
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
    if (!sent) return;
    this.folded.noteSent(name, sent.position);
    this.waiting.push([name, sent.position]);
    this.schedule();
  }

  /** Takes out all of them for a commit. */
  take(): readonly SentEvent[] {
    const taken = this.waiting;
    this.waiting = [];
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

  private schedule(): void {
    this.timer ??= this.time.after(WRITE_DELAY_MS, () => {
      this.timer = undefined;
      if (!this.isEmpty) this.due();
    });
  }
}
