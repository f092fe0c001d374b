import type { ReadTexts } from './commit';
import type { LockOwner, OwnLocks } from './key-locks';

/**
 * The reads and changes of one run, or of one call for a batch of events. Nothing of it is visible to others before the
 * run is finished, and nothing is stored before it is committed.
 */
export class Transaction implements LockOwner {
  /** The version of each key's value when the run first read or wrote the key. */
  readonly reads = new Map<string, number>();
  /** The new texts by key; `null` removes the value. */
  readonly writes = new Map<string, string | null>();
  /** The texts that an earlier run has read in this part, if this run repeats a part that is committed. */
  repeated: ReadTexts | undefined;
  locks: OwnLocks | undefined;
  /** Whether the run waits for room to begin. */
  isWaiting = false;
  /** Whether the run has ended without another try. */
  isOver = false;
  // Created at the first use, because most changes are computed at once.
  private computing: Map<string, Promise<void>> | undefined;

  /** Whether the run has neither read nor changed a value. */
  get isEmpty(): boolean {
    return this.reads.size === 0 && this.writes.size === 0;
  }

  /**
   * Returns a promise that resolves when no change of the key is being computed any more; undefined if none is. Later
   * uses of the key wait for it.
   */
  whenComputed(key: string): Promise<void> | undefined {
    return this.computing?.has(key) ? this.whileComputing(() => this.computing?.get(key)) : undefined;
  }

  /** Resolves when no change is being computed any more. */
  whenAllComputed(): Promise<void> {
    return this.whileComputing(() => this.computing?.values().next().value);
  }

  /** Notes that a change of the key is being computed until the promise resolves. */
  async compute(key: string, end: Promise<void>): Promise<void> {
    const computing = (this.computing ??= new Map());
    computing.set(key, end);
    await end;
    if (computing.get(key) === end) computing.delete(key);
  }

  /** Forgets all reads and changes, so that the run can start again. The locks stay. */
  reset(): void {
    this.reads.clear();
    this.writes.clear();
    this.computing = undefined;
    this.repeated = undefined;
  }

  /** Waits for one computed change after another, because others may begin meanwhile. */
  private async whileComputing(next: () => Promise<void> | undefined): Promise<void> {
    for (let end = next(); end; end = next()) await end;
  }
}
