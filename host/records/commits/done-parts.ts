import type { Time, Timer } from '../../base/time';

const WRITE_DELAY_MS = 300;

/**
 * What is done after a commit, until another commit says so: emits that are sent, or after-commit work. After that, no
 * host does it again.
 */
export class DoneParts {
  private waiting: string[] = [];
  private timer: Timer | undefined;

  /**
   * @param open what is not done, by the name of the event or of its part
   * @param due called when a commit must be made for the names, because no run makes one
   */
  constructor(
    private readonly open: Map<string, unknown>,
    private readonly time: Time,
    private readonly due: () => void,
  ) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Notes what is done. */
  note(name: string): void {
    if (!this.open.delete(name)) return;
    this.waiting.push(name);
    this.timer ??= this.time.after(WRITE_DELAY_MS, () => {
      this.timer = undefined;
      if (!this.isEmpty) this.due();
    });
  }

  /** Takes out all names for a commit. */
  take(): readonly string[] {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }

  /** Puts back the names of a commit that was refused. */
  putBack(names: readonly string[]): void {
    this.waiting.push(...names);
  }

  stop(): void {
    this.timer?.cancel();
  }
}
