import type { Transaction } from './transaction';

/** A key's value, as the runs of this host see it. */
export interface Value {
  /** The text of the last commit that changed the key; `null` if the key has no value. */
  committed: string | null;
  /** The position of that commit; 0 if the text was read from the bucket and has no position. */
  position: number;
  /** The text with the changes of finished runs that are not committed yet. */
  current: string | null;
  /** Changes with each change of `current`. */
  version: number;
  /** The number of finished runs that changed the key and are not committed yet. */
  uncommitted: number;
  /** The revision in the bucket, if another program has written the text. */
  foreign: number | undefined;
  /** Set while the text is read from the bucket. */
  loading: Promise<void> | undefined;
}

/** A text as it is stored, with its position in the log or its revision of a foreign value. */
export interface LoadedText {
  readonly text: string | null;
  readonly position: number;
  readonly foreign?: number;
}

const MAX_VALUES = 20_000;

/** The values of a plugin's keys that this host has used last. A finished run's changes are visible to later runs. */
export class StoreValues {
  private readonly values = new Map<string, Value>();
  private versions = 0;

  /**
   * @param load reads a key's committed text
   * @param limit how many values are kept
   */
  constructor(
    private readonly load: (key: string) => Promise<LoadedText> | LoadedText,
    private readonly limit = MAX_VALUES,
  ) {}

  get(key: string): Value | undefined {
    return this.values.get(key);
  }

  /** Returns the key's value, or a promise of it if it must be read. Rejects if it cannot be read. */
  read(key: string): Value | Promise<Value> {
    const present = this.values.get(key);
    if (present) return present.loading ? present.loading.then(() => this.read(key)) : present;
    const value: Value = {
      committed: null,
      position: 0,
      current: null,
      version: ++this.versions,
      uncommitted: 0,
      foreign: undefined,
      loading: undefined,
    };
    const loaded = this.load(key);
    this.evict();
    this.values.set(key, value);
    if (!(loaded instanceof Promise)) {
      this.fill(value, loaded);
      return value;
    }
    value.loading = loaded.then(
      (text) => {
        value.loading = undefined;
        this.fill(value, text);
      },
      (error: unknown) => {
        value.loading = undefined;
        if (this.values.get(key) === value) this.values.delete(key);
        throw error;
      },
    );
    return value.loading.then(() => this.read(key));
  }

  /** Makes the changes of a finished run visible. */
  apply({ writes }: Transaction): void {
    for (const [key, text] of writes) {
      const value = this.values.get(key)!;
      value.current = text;
      value.version = ++this.versions;
      value.uncommitted++;
    }
  }

  /** Whether a value that the run has read has changed since. */
  isStale({ reads }: Transaction): boolean {
    for (const [key, version] of reads) if (this.values.get(key)?.version !== version) return true;
    return false;
  }

  /** Returns the keys whose value has changed since the run read them. */
  staleKeys({ reads }: Transaction): string[] {
    return [...reads].filter(([key, version]) => this.values.get(key)?.version !== version).map(([key]) => key);
  }

  /** Whether the run has read a value of a run that is not committed yet. */
  readsUncommitted({ reads }: Transaction): boolean {
    for (const key of reads.keys()) if (this.values.get(key)!.uncommitted > 0) return true;
    return false;
  }

  /** Notes that runs of this host with these changes are committed. */
  committed(writes: Iterable<readonly [string, string | null]>, position: number): void {
    for (const [key, text] of writes) {
      const value = this.values.get(key);
      if (!value) continue;
      this.rebase(value, text, position);
      value.uncommitted--;
    }
  }

  /** Notes a committed text of another host, or of another program. Call {@link discard} for the key afterwards. */
  replace(key: string, text: string | null, position: number): void {
    const value = this.values.get(key);
    if (value) this.rebase(value, text, position);
  }

  /** Discards the uncommitted changes of these keys. */
  discard(keys: Iterable<string>): void {
    for (const key of keys) {
      const value = this.values.get(key);
      if (!value) continue;
      value.current = value.committed;
      value.version = ++this.versions;
      value.uncommitted = 0;
    }
  }

  /** Forgets all values. Runs that have read some of them are stale. */
  clear(): void {
    this.values.clear();
  }

  private rebase(value: Value, text: string | null, position: number): void {
    // A text that was read from the bucket can be newer than a commit that this host reads later.
    if (position < value.position) return;
    value.committed = text;
    value.position = position;
    value.foreign = undefined;
  }

  private fill(value: Value, { text, position, foreign }: LoadedText): void {
    // A commit that arrived while the text was read is newer.
    if (value.position > 0) {
      value.current = value.committed;
      return;
    }
    value.committed = text;
    value.current = text;
    value.position = position;
    value.foreign = foreign;
    value.version = ++this.versions;
  }

  /** Removes the values that were read first, so that there is room for another one. Values in use stay. */
  private evict(): void {
    if (this.values.size < this.limit) return;
    let tries = 100;
    for (const [key, value] of this.values) {
      if (value.uncommitted === 0 && !value.loading) this.values.delete(key);
      if (this.values.size < this.limit || --tries === 0) return;
    }
  }
}
