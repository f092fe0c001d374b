import { JetplugError } from '../../sdk/internal';
import type { CommitLog, LogBounds, LoggedCommit } from '../records/commits/commit-log';
import { Conflict } from '../records/key-value';

/** The size of the largest message that a server takes, with the message's headers. */
const MAX_MESSAGE_BYTES = 1_048_576;
const READ_BATCH = 1_000;

export interface MemoryLogOptions {
  readonly above?: number | undefined;
  readonly maxBytes?: number;
  readonly nowMs?: () => number;
}

/** A commit log in memory, with the positions, conflicts and limits of a real one. */
export class MemoryCommitLog implements CommitLog {
  readonly maxCommitBytes: number = MAX_MESSAGE_BYTES;
  private commits: Required<LoggedCommit>[] = [];
  private readonly begins: number;
  private readonly nowMs: () => number;
  private last: number;
  private lastAtMs: number | undefined;
  private bytes = 0;
  private readonly maxBytes: number;
  private readonly listeners = new Set<(commit: LoggedCommit) => void>();

  /**
   * @param options.above the first position is the next number; default 0
   * @param options.maxBytes the size of the commits at which the log is full; default unlimited
   * @param options.nowMs the time in milliseconds since 1970; default the machine's
   */
  constructor(
    private readonly plugin: string,
    { above = 0, maxBytes = Infinity, nowMs = Date.now }: MemoryLogOptions = {},
  ) {
    this.last = above;
    this.begins = above + 1;
    this.maxBytes = maxBytes;
    this.nowMs = nowMs;
  }

  async append(text: string, expected: number): Promise<number> {
    const name = `the commit log of plugin ${this.plugin}`;
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_MESSAGE_BYTES) {
      throw new JetplugError('JP_STORE_VALUE_INVALID', `${name}: the commit is larger than the server takes`);
    }
    if (expected !== this.last) throw new Conflict(name);
    if (this.bytes + bytes > this.maxBytes) throw new JetplugError('JP_STORE_FULL', `${name} is full`);
    return this.add(text, bytes);
  }

  async readAfter(after: number): Promise<readonly LoggedCommit[]> {
    const { first } = await this.bounds();
    const start = Math.max(0, after + 1 - first);
    return this.commits.slice(start, start + READ_BATCH);
  }

  async bounds(): Promise<LogBounds> {
    const { last, lastAtMs, begins } = this;
    const oldest = this.commits[0];
    return {
      first: oldest?.position ?? last + 1,
      last,
      ...(oldest && { firstAtMs: oldest.storedAtMs }),
      ...(lastAtMs !== undefined && { lastAtMs }),
      begins,
    };
  }

  async firstSince(epochMs: number): Promise<number | undefined> {
    return this.commits.find(({ storedAtMs }) => storedAtMs >= epochMs)?.position;
  }

  follow(listener: (commit: LoggedCommit) => void): () => void {
    // A wrapper, so that a listener can follow twice.
    const each = (commit: LoggedCommit): void => listener(commit);
    this.listeners.add(each);
    return () => void this.listeners.delete(each);
  }

  async removeUpTo(position: number): Promise<void> {
    this.commits = this.commits.filter((commit) => commit.position > position);
    this.bytes = this.commits.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  }

  /** Stores the message of another program, which expects no position. */
  put(text: string): number {
    return this.add(text, Buffer.byteLength(text));
  }

  private add(text: string, bytes: number): number {
    const storedAtMs = this.nowMs();
    const commit = { position: ++this.last, text };
    this.lastAtMs = storedAtMs;
    this.commits.push({ ...commit, storedAtMs });
    this.bytes += bytes;
    // A follower receives a commit apart from the append, as from a server.
    for (const listener of this.listeners) {
      queueMicrotask(() => {
        if (this.listeners.has(listener)) listener(commit);
      });
    }
    return commit.position;
  }
}
