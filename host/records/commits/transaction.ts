import type { ReadTexts } from './commit';
import type { LockOwner } from './key-locks';

/**
 * The reads and changes of one run, or of one call for a batch of events. Nothing of it is visible to others before the
 * run is finished, and nothing is stored before it is committed.
 */
export class Transaction implements LockOwner {
  /** The version of each key's value when the run first read or wrote the key. */
  readonly reads = new Map<string, number>();
  /** The new texts by key; `null` removes the value. */
  readonly writes = new Map<string, string | null>();
  /** Changes whose function is still computing, by key. Later uses of the key wait for them. */
  readonly changing = new Map<string, Promise<unknown>>();
  /** The texts that an earlier run has read in this part, if this run repeats a part that is committed. */
  repeated: ReadTexts | undefined;
  /** The keys that are locked for the run, and those that it waits for. */
  readonly locked = new Set<string>();
  readonly awaited = new Map<string, Promise<void>>();
  /** Whether the run waits for room to begin. */
  isWaiting = false;
  /** Whether the run has ended without another try. */
  isOver = false;

  /** Whether the run has neither read nor changed a value. */
  get isEmpty(): boolean {
    return this.reads.size === 0 && this.writes.size === 0;
  }

  /** Forgets all reads and changes, so that the run can start again. The locks stay. */
  reset(): void {
    this.reads.clear();
    this.writes.clear();
    this.changing.clear();
    this.repeated = undefined;
  }
}
