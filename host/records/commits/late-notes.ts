import type { Time, Timer } from '../../base/time';

const WRITE_DELAY_MS = 300;
/** The largest number of notes in one commit. */
const MAX_NOTES = 2_000;

/** Notes for the log that wait for a commit of a run. If there is none soon, a commit is made for them. */
export class LateNotes<T> {
  private readonly waiting: T[] = [];
  private timer: Timer | undefined;
  private isStopped = false;

  /** @param due called when a commit must be made for them, because no run makes one */
  constructor(
    private readonly time: Time,
    private readonly due: () => void,
  ) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Adds notes, also those of a commit that was refused. */
  add(notes: readonly T[]): void {
    if (notes.length === 0) return;
    this.waiting.push(...notes);
    if (this.isStopped) return;
    this.timer ??= this.time.after(WRITE_DELAY_MS, () => {
      this.timer = undefined;
      if (!this.isEmpty) this.due();
    });
  }

  /** Takes out notes for a commit: all, or as many as one commit holds. */
  take(): readonly T[] {
    const taken = this.waiting.splice(0, MAX_NOTES);
    if (!this.isEmpty) this.due();
    return taken;
  }

  /** Makes no commit by itself any more. */
  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }
}
