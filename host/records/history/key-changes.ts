import type { Origin } from '../commits/commit';
import type { CommitLog } from '../commits/commit-log';
import type { KeyValue } from '../key-value';
import { CommitsBefore, mayHold, type CommitsBeforeOptions } from './commits-before';

/** A change of a key. */
export interface KeyChange {
  /** The position of its commit. */
  readonly position: number;
  /** When the server has stored the commit, in milliseconds since 1970. */
  readonly storedAtMs: number;
  readonly origin: Origin;
  /** The new text; `null` if the value was removed. */
  readonly text: string | null;
}

/** The text of a key at the end that its changes were read to; `null` if it had no value. */
export type TextBefore =
  /** It had no value: the kept history has all changes of the key. */
  | { readonly kind: 'none' }
  /** The bucket still has the text. */
  | { readonly kind: 'known'; readonly text: string | null }
  /** A later text has replaced it. */
  | { readonly kind: 'unknown' };

/** A value that another program has put into the bucket, and that no host has taken up yet; `null` for a removal. */
export interface ForeignText {
  readonly text: string | null;
}

/** Reads the changes of one key, newest first. */
export class KeyChanges {
  private readonly commits: CommitsBefore;
  /** The highest revision of a foreign value of the key that a commit has taken up or replaced. */
  private adopted = 0;

  constructor(
    log: CommitLog,
    private readonly bucket: KeyValue,
    private readonly key: string,
    options: Pick<CommitsBeforeOptions, 'progress'> = {},
  ) {
    this.commits = new CommitsBefore(log, undefined, { ...options, mayMatter: (text) => mayHold(text, key) });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KeyChange> {
    const { key } = this;
    for await (const { position, storedAtMs, runs, adopted } of this.commits) {
      this.adopted = Math.max(this.adopted, adopted.get(key) ?? 0);
      for (const { writes, origin } of runs.toReversed()) {
        const text = writes.get(key);
        if (text !== undefined) yield { position, storedAtMs, origin, text };
      }
    }
  }

  /** Returns the text before the changes. Call it when all changes are read. */
  async earlier(): Promise<{ readonly before: TextBefore; readonly foreign?: ForeignText }> {
    const { lowest } = this.commits;
    const entry = await this.bucket.get(this.key, { latest: true });
    const { position, revision = 0, value = null } = entry ?? {};
    const isForeign = entry && position === undefined && revision > this.adopted;
    const foreign = isForeign ? { foreign: { text: value } } : {};
    if (position !== undefined && position < lowest) return { before: { kind: 'known', text: value }, ...foreign };
    return { before: { kind: !entry || lowest === 1 ? 'none' : 'unknown' }, ...foreign };
  }
}
