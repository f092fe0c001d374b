import type { Time, Timer } from '../../base/time';
import { eventKey, type Commit, type EventOf } from './commit';
import type { CommittedParts } from './committed-parts';

const WRITE_DELAY_MS = 300;

/** The events whose after-commit work is done, until a commit says so. After that, no host does it again. */
export class DoneWork {
  private waiting: string[] = [];
  private timer: Timer | undefined;

  /** @param due called when a commit must be made for them, because no run makes one */
  constructor(
    private readonly parts: CommittedParts,
    private readonly time: Time,
    private readonly due: () => void,
  ) {}

  /** Notes that the work of the event is done. */
  note(event: EventOf): void {
    const name = eventKey(event);
    if (this.parts.noteWorkDone(name)) this.add([name]);
  }

  /** Takes out all of them for a commit. */
  take(): readonly string[] {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }

  /** Puts back those of a commit that was refused. */
  putBack({ worked = [] }: Commit): void {
    if (worked.length > 0) this.add(worked);
  }

  stop(): void {
    this.timer?.cancel();
  }

  private add(names: readonly string[]): void {
    this.waiting.push(...names);
    this.timer ??= this.time.after(WRITE_DELAY_MS, () => {
      this.timer = undefined;
      if (this.waiting.length > 0) this.due();
    });
  }
}
