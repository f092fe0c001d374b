import { endsWithin } from '../../base/retry-until';
import type { Time, Timer } from '../../base/time';
import type { RunLog } from './run-log';
import type { RunRecord } from './run-record';
import { RunTable } from './run-table';
import { groupOf, isSampled } from './sampling';

export interface RunRecorderOptions {
  readonly log: RunLog;
  /** Identifies the host in the records. */
  readonly host: string;
  /** The share of the trees of events that are recorded whole, from 0 to 1. Failed runs are always recorded. */
  readonly sample: number;
  readonly time: Time;
  /** Called if records cannot be stored. They are dropped if the server does not take them soon. */
  failed(error: unknown, dropped: number): void;
}

const FLUSH_MS = 1_000;
/** Records are stored at once when as many bytes of them wait. */
const FLUSH_BYTES = 2 * 1024 * 1024;
/** The size of the records that wait at most. If the server does not take them, the oldest are dropped. */
const MAX_BYTES = 16 * 1024 * 1024;
/** The size of one message. The server takes 1 MiB by default. */
const MAX_MESSAGE_BYTES = 400_000;
/** How long the last records may take when the host stops. */
export const STOP_MS = 1_000;

/** Records of one group that are stored as one message. */
interface Batch {
  readonly group: number;
  readonly table: RunTable;
}

/** Stores the records of runs in batches, beside the runs: no run waits for them, and none fails if they are lost. */
export class RunRecorder {
  /** The batches that wait, the oldest first. */
  private waiting: Batch[] = [];
  /** The newest table of each group. */
  private newest = new Map<number, RunTable>();
  private bytes = 0;
  private freshBytes = 0;
  private dropped = 0;
  private timer: Timer | undefined;
  private flushing: Promise<void> | undefined;

  constructor(private readonly options: RunRecorderOptions) {}

  /** Whether all runs of the tree are recorded. */
  isSampled(root: string): boolean {
    return isSampled(root, this.options.sample);
  }

  /** Stores a record soon. */
  add(record: RunRecord): void {
    const table = this.tableFor(groupOf(record.root));
    const before = table.bytes;
    table.add(record);
    this.bytes += table.bytes - before;
    this.freshBytes += table.bytes - before;
    if (this.bytes > MAX_BYTES) this.dropOldest();
    if (this.freshBytes >= FLUSH_BYTES) void this.flush();
    else this.flushSoon();
  }

  /** Stores the records that wait, if the server takes them within a second. */
  async stop(): Promise<void> {
    await endsWithin(
      this.flush().then(() => this.flush()),
      STOP_MS,
      this.options.time,
    );
    this.timer?.cancel();
  }

  private tableFor(group: number): RunTable {
    const newest = this.newest.get(group);
    if (newest && newest.bytes <= MAX_MESSAGE_BYTES) return newest;
    const table = new RunTable();
    this.newest.set(group, table);
    this.waiting.push({ group, table });
    return table;
  }

  private dropOldest(): void {
    while (this.bytes > MAX_BYTES / 2) {
      const { group, table } = this.waiting.shift()!;
      if (this.newest.get(group) === table) this.newest.delete(group);
      this.bytes -= table.bytes;
      this.dropped += table.count;
    }
  }

  private flushSoon(): void {
    this.timer ??= this.options.time.after(FLUSH_MS, () => {
      this.timer = undefined;
      void this.flush();
    });
  }

  /** Stores the records that wait. Those that arrive meanwhile wait for the next call. */
  private flush(): Promise<void> {
    return (this.flushing ??= this.storeAll().finally(() => (this.flushing = undefined)));
  }

  private async storeAll(): Promise<void> {
    const { log, host, failed } = this.options;
    const { waiting } = this;
    this.waiting = [];
    this.newest.clear();
    this.bytes = 0;
    this.freshBytes = 0;
    const results = await Promise.allSettled(waiting.map(({ group, table }) => log.append(group, table.encode(host))));
    const failure = results.find((result) => result.status === 'rejected');
    if (!failure) return;
    failed(failure.reason, this.dropped);
    // A record whose answer was lost is stored twice. A reader takes it once.
    const unstored = waiting.filter((_, i) => results[i]!.status === 'rejected');
    this.waiting.unshift(...unstored);
    for (const { table } of unstored) this.bytes += table.bytes;
    if (this.bytes > MAX_BYTES) this.dropOldest();
    this.flushSoon();
  }
}
