import type { Entry } from '../key-value';
import { CHECKPOINT_KEY } from './checkpoint';
import type { Commit, RunChanges } from './commit';
import type { FoldedLog } from './folded-log';

/** The handler's name in the origin of a value that another program has written to the bucket. */
export const ADOPTED = 'bucket';

/**
 * Values that another program has written to the bucket. Each is taken up by a commit of its own, so that it is a value
 * of the store like any other.
 */
export class Adoptions {
  private readonly waiting = new Map<string, { readonly revision: number; readonly text: string | null }>();

  constructor(private readonly folded: FoldedLog) {}

  get isEmpty(): boolean {
    return this.waiting.size === 0;
  }

  /** Notes a value. Returns false if a commit has taken it up already. */
  add(key: string, { revision, value }: Entry): boolean {
    if (key === CHECKPOINT_KEY || !this.isNew(key, revision)) return false;
    this.waiting.set(key, { revision, text: value ?? null });
    return true;
  }

  /**
   * Takes out values for a commit.
   * @param adopted receives their revisions
   * @param limit the largest number of values
   */
  take(adopted: Map<string, number>, timeMs: number, limit = Infinity): RunChanges[] {
    const writes = new Map<string, string | null>();
    for (const [key, { revision, text }] of this.waiting) {
      if (writes.size >= limit) break;
      this.waiting.delete(key);
      if (!this.isNew(key, revision)) continue;
      adopted.set(key, revision);
      writes.set(key, text);
    }
    return writes.size === 0 ? [] : [{ origin: { handler: ADOPTED, timeMs }, writes, emits: [] }];
  }

  /** Puts back the values of a commit that was refused. */
  putBack({ runs, adopted }: Commit): void {
    for (const { origin, writes } of runs) {
      if (origin.handler !== ADOPTED) continue;
      for (const [key, text] of writes) {
        if (!this.waiting.has(key)) this.waiting.set(key, { revision: adopted.get(key)!, text });
      }
    }
  }

  /** Gives up a value that is larger than a commit can be. The store's own value replaces it in the bucket. */
  giveUp({ adopted }: Commit): void {
    const { position } = this.folded;
    for (const [key, revision] of adopted) this.folded.adopted.set(key, { revision, position });
  }

  private isNew(key: string, revision: number): boolean {
    return revision > (this.folded.adopted.get(key)?.revision ?? 0);
  }
}
