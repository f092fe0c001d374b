import type { Entry } from '../key-value';
import { CHECKPOINT_KEY } from './checkpoint';
import type { Commit, RunChanges } from './commit';
import type { FoldedLog } from './folded-log';

/** The handler's name in the origin of a value that another program has written to the bucket. */
export const ADOPTED = 'bucket';

/** The share of a commit that values may take. The rest is for their keys and revisions. */
const SHARE = 0.85;

/**
 * Values that another program has written to the bucket. Each is taken up by a commit of its own, so that it is a value
 * of the store like any other.
 */
export class Adoptions {
  private readonly waiting = new Map<string, { readonly revision: number; readonly text: string | null }>();

  /**
   * @param maxCommitBytes returns the size of the largest commit that the server takes
   * @param refused called for a value that is too large for a commit. It is not a value of the store.
   */
  constructor(
    private readonly folded: FoldedLog,
    private readonly maxCommitBytes: () => number,
    private readonly refused: (key: string) => void,
  ) {}

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
   * Takes out values for a commit: as many as fit.
   * @param adopted receives their revisions
   */
  take(adopted: Map<string, number>, timeMs: number): RunChanges[] {
    const writes = new Map<string, string | null>();
    const maxBytes = this.maxCommitBytes() * SHARE;
    let bytes = 0;
    for (const [key, { revision, text }] of this.waiting) {
      const size = text === null ? 0 : Buffer.byteLength(JSON.stringify(text));
      if (bytes > 0 && bytes + size > maxBytes) break;
      this.waiting.delete(key);
      if (!this.isNew(key, revision)) continue;
      adopted.set(key, revision);
      if (size > maxBytes) this.refused(key);
      else writes.set(key, text);
      bytes += size + key.length;
    }
    return writes.size === 0 ? [] : [{ origin: { handler: ADOPTED, timeMs }, writes, emits: [] }];
  }

  /** Drops the values that a commit has taken up or replaced. */
  drop({ adopted }: Commit): void {
    for (const [key, revision] of adopted) {
      const waiting = this.waiting.get(key);
      if (waiting && waiting.revision <= revision) this.waiting.delete(key);
    }
  }

  /** Drops all values. The bucket filler finds again those that no commit has taken up. */
  clear(): void {
    this.waiting.clear();
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

  private isNew(key: string, revision: number): boolean {
    return revision > (this.folded.adopted.get(key)?.revision ?? 0);
  }
}
