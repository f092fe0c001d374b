/** The revision of a foreign value that a commit has taken up or replaced. */
export interface AdoptedRevision {
  readonly revision: number;
  /** The position of the key's last text. The bucket may have the foreign value until it has that text. */
  readonly position: number;
}

/** For foreign values that commits take up or replace, and that the bucket may still have: the revision, by key. */
export class AdoptedRevisions extends Map<string, AdoptedRevision> {
  /** Changes when entries are forgotten. An entry of the bucket that was requested before may be one of these. */
  forgotten = 0;

  /** Starts from the entries of a checkpoint. */
  restore(entries: readonly (readonly [key: string, revision: number, position: number])[]): void {
    this.clear();
    this.forgotten++;
    for (const [key, revision, position] of entries) this.set(key, { revision, position });
  }

  /** Notes that a commit has changed the key. */
  changed(key: string, position: number): void {
    const known = this.get(key);
    if (known) this.set(key, { revision: known.revision, position });
  }

  /** Notes the revisions that a commit takes up or replaces. */
  adopt(revisions: ReadonlyMap<string, number>, position: number): void {
    for (const [key, revision] of revisions) {
      this.set(key, { revision: Math.max(revision, this.get(key)?.revision ?? 0), position });
    }
  }

  /** Forgets the revisions that the bucket has no more, because it has all texts up to the position. */
  filledUpTo(position: number): void {
    for (const [key, { position: at }] of this) if (at <= position && this.delete(key)) this.forgotten++;
  }
}
