import { JetplugError } from '../../../../sdk/internal';
import type { CommitLog, LogBounds, LoggedCommit } from '../../../../host/records/commits/commit-log';
import { Conflict, type Entry, type ReadOptions } from '../../../../host/records/key-value';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import type { Draw } from '../../../support/draws';

/** Waits for a drawn number of turns of the event loop. */
export async function turns(draw: Draw, most = 3): Promise<void> {
  for (let left = draw(most + 1); left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}

/** Stops a host in the middle of its work. The host's requests and the answers to them wait until the gate opens. */
export class Gate {
  /** Whether the host is killed, so that it makes no further request. */
  isDead = false;
  private closed: Promise<void> | undefined;
  private reopen: (() => void) | undefined;

  get isClosed(): boolean {
    return this.closed !== undefined;
  }

  close(): void {
    this.closed ??= new Promise((resolve) => (this.reopen = resolve));
  }

  open(): void {
    this.reopen?.();
    this.closed = undefined;
  }

  /** Resolves when the gate is open. */
  async pass(): Promise<void> {
    while (this.closed) await this.closed;
  }
}

export interface Faults {
  /** One of this many operations gets no answer; 0: none. The server has carried out half of them. */
  readonly unanswered: number;
  /** One of this many messages of the tail is not sent; 0: none. */
  readonly lostTail: number;
  /** One of this many reads misses the newest commits; 0: none. */
  readonly staleReads: number;
}

const NO_FAULTS: Faults = { unanswered: 0, lostTail: 0, staleReads: 0 };

/** A log that several hosts share. Each host has its own {@link FakeLog} on it. */
export class SharedLog {
  readonly commits = new Map<number, string>();
  /** All commits that were ever appended, also those that are removed. */
  readonly history: string[] = [];
  first = 1;
  last = 0;
  /** The first position that the log could have. */
  begins = 1;
  /** Whether the log takes no commit, because it has reached its limit. */
  isFull = false;
  readonly listeners = new Set<(commit: LoggedCommit) => void>();
}

/** A log in memory whose answers take a drawn time and may be lost. */
export class FakeLog implements CommitLog {
  readonly maxCommitBytes: number = 1_048_576;

  constructor(
    readonly shared: SharedLog,
    private readonly draw: Draw,
    private readonly faults: Faults = NO_FAULTS,
    private readonly gate = new Gate(),
  ) {}

  async append(text: string, expected: number): Promise<number> {
    if (this.gate.isDead) throw unanswered();
    await this.turns();
    const isLost = this.happens(this.faults.unanswered);
    if (isLost && this.draw(2) === 0) throw unanswered();
    const { shared } = this;
    if (shared.last !== expected) throw new Conflict('log');
    if (shared.isFull) throw new JetplugError('JP_STORE_FULL', 'the log is full');
    const position = ++shared.last;
    shared.commits.set(position, text);
    shared.history.push(text);
    for (const listener of shared.listeners) listener({ position, text });
    await this.turns();
    if (isLost) throw unanswered();
    return position;
  }

  async readAfter(after: number): Promise<readonly LoggedCommit[]> {
    await this.turns();
    if (this.happens(this.faults.unanswered)) throw unanswered();
    const end = this.happens(this.faults.staleReads) ? this.shared.last - 1 : this.shared.last;
    const found: LoggedCommit[] = [];
    for (let position = Math.max(after + 1, this.shared.first); position <= end && found.length < 5; position++) {
      found.push({ position, text: this.shared.commits.get(position)! });
    }
    await this.turns();
    return found;
  }

  async bounds(): Promise<LogBounds> {
    await this.turns();
    const { first, last, begins } = this.shared;
    return { first, last, begins };
  }

  async firstSince(): Promise<number | undefined> {
    return this.shared.last + 1;
  }

  follow(listener: (commit: LoggedCommit) => void): () => void {
    let isOver = false;
    const receive = (commit: LoggedCommit): void => {
      if (this.happens(this.faults.lostTail)) return;
      void this.turns().then(() => {
        if (!isOver) listener(commit);
      });
    };
    this.shared.listeners.add(receive);
    return () => {
      isOver = true;
      this.shared.listeners.delete(receive);
    };
  }

  async removeUpTo(position: number): Promise<void> {
    for (; this.shared.first <= position; this.shared.first++) this.shared.commits.delete(this.shared.first);
  }

  private async turns(): Promise<void> {
    await turns(this.draw);
    await this.gate.pass();
  }

  private happens(oneOf: number): boolean {
    return oneOf > 0 && this.draw(oneOf) === 0;
  }
}

/** A bucket that hosts share, with a replica that is behind. */
export class SharedBucket extends MemoryBucket {
  /** The entries before the last writes of their keys. */
  readonly earlier = new Map<string, Entry | undefined>();

  override put(key: string, value: string, expected?: number, position?: number) {
    return this.noting(key, () => super.put(key, value, expected, position));
  }

  override delete(key: string, expected?: number, position?: number) {
    return this.noting(key, () => super.delete(key, expected, position));
  }

  private noting(key: string, write: () => Promise<number>): Promise<number> {
    const before = this.entries.get(key);
    const written = write();
    if (this.entries.get(key) !== before) this.earlier.set(key, before);
    return written;
  }
}

/** A bucket whose answers take a drawn time and may be lost. */
export class SlowBucket extends MemoryBucket {
  constructor(
    private readonly inner: SharedBucket,
    private readonly draw: Draw,
    private readonly faults: Faults = NO_FAULTS,
    private readonly gate = new Gate(),
  ) {
    super('slow');
  }

  /** A replica that is behind has not the last write of the key, unless the read asks for a later revision. */
  override get(key: string, { latest = false, asOf = 0 }: ReadOptions = {}) {
    const isBehind = !latest && this.faults.staleReads > 0 && this.draw(this.faults.staleReads) === 0;
    return this.slowly(async () => {
      const entry = await this.inner.get(key);
      return isBehind && entry && entry.revision > asOf ? this.inner.earlier.get(key) : entry;
    });
  }

  override put(key: string, value: string, expected?: number, position?: number) {
    return this.slowly(() => this.inner.put(key, value, expected, position));
  }

  override delete(key: string, expected?: number, position?: number) {
    return this.slowly(() => this.inner.delete(key, expected, position));
  }

  private async slowly<T>(work: () => Promise<T>): Promise<T> {
    if (this.gate.isDead) throw unanswered();
    await turns(this.draw);
    await this.gate.pass();
    const isLost = this.faults.unanswered > 0 && this.draw(this.faults.unanswered) === 0;
    if (isLost && this.draw(2) === 0) throw unanswered();
    const result = await work();
    await turns(this.draw);
    await this.gate.pass();
    if (isLost) throw unanswered();
    return result;
  }
}

function unanswered(): JetplugError {
  return new JetplugError('JP_STORE_UNAVAILABLE', 'no answer');
}
