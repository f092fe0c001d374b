/** A store whose log and bucket a test fills by hand. */
import { encodeCommit, type Origin, type RunChanges } from '../../../../host/records/commits/commit';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { MemoryCommitLog } from '../../../../host/testing/memory-commit-log';

export type Writes = Readonly<Record<string, string | null>>;

export const START_MS = Date.parse('2026-05-12T12:00:00Z');

/** A run of a handler for an event; `settings` replaces parts of it. */
export function runOf(sequence: number, writes: Writes, settings: Partial<RunChanges & Origin> = {}): RunChanges {
  const { handler = 'count', attempt = 1, ...others } = settings;
  const origin = { handler, version: 'v1', attempt, stream: 'EVENTS', sequence, eventId: `e${sequence}` };
  return {
    origin: { ...origin, timeMs: START_MS + sequence },
    event: { durable: handler, incarnation: 'i', sequence },
    writes: new Map(Object.entries(writes)),
    emits: [],
    ...others,
  };
}

export class PastStore {
  readonly bucket = new MemoryBucket('test');
  readonly log: MemoryCommitLog;
  /** Each commit is stored a second after the one before. */
  private nowMs = START_MS;

  constructor(above = 0) {
    this.log = new MemoryCommitLog('test', { above, nowMs: () => this.nowMs });
  }

  /** Appends a commit of these runs; resolves with its position. */
  async commit(runs: readonly RunChanges[], adopted: Readonly<Record<string, number>> = {}): Promise<number> {
    const { last } = await this.log.bounds();
    this.nowMs += 1_000;
    const entries = new Map(Object.entries(adopted));
    return this.log.append(encodeCommit({ host: 'h', number: last, runs, sent: [], adopted: entries }), last);
  }

  /** Brings the bucket up to date with commits of these runs, and removes the commits from the log. */
  async removeUpTo(position: number): Promise<void> {
    await this.log.removeUpTo(position);
  }

  /** Stores a text in the bucket, as the host does behind a commit. */
  async fill(key: string, text: string | null, position: number): Promise<void> {
    if (text === null) await this.bucket.delete(key, undefined, position);
    else await this.bucket.put(key, text, undefined, position);
  }
}

/** When a commit of {@link PastStore} was stored. */
export function storedAtMs(position: number, above = 0): number {
  return START_MS + (position - above) * 1_000;
}
