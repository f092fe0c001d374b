import { pause } from '../../base/retry-until';
import type { Time, Timer } from '../../base/time';
import type { RunLog } from './run-log';
import { encodeRuns, type RunRecord } from './run-record';
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

const FLUSH_MS = 250;
/** The number of records that wait at most. If the server does not take them, the oldest are dropped. */
const MAX_WAITING = 20_000;
/** The size of one message at most, as an estimate. */
const MAX_RECORDS = 500;
const MAX_CHARACTERS = 400_000;
const STOP_MS = 1_000;

/** Stores the records of runs in batches, beside the runs: no run waits for them, and none fails if they are lost. */
export class RunRecorder {
  private waiting: RunRecord[] = [];
  private dropped = 0;
  private timer: Timer | undefined;
  private flushing: Promise<void> | undefined;

  constructor(private readonly options: RunRecorderOptions) {}

  /** Whether all runs of the tree are recorded. */
  isSampled(root: string): boolean {
    return isSampled(root, this.options.sample);
  }

  add(record: RunRecord): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.waiting = this.waiting.slice(MAX_WAITING / 2);
      this.dropped += MAX_WAITING / 2;
    }
    this.waiting.push(record);
    this.timer ??= this.options.time.after(FLUSH_MS, () => {
      this.timer = undefined;
      void this.flush();
    });
  }

  /** Stores the records that wait, if the server takes them within a second. */
  async stop(): Promise<void> {
    const ended = new AbortController();
    await Promise.race([this.flush().then(() => this.flush()), pause(STOP_MS, this.options.time, ended.signal)]);
    ended.abort();
    this.timer?.cancel();
  }

  /** Stores the records that wait. Those that arrive meanwhile wait for the next call. */
  private flush(): Promise<void> {
    return (this.flushing ??= this.storeAll().finally(() => (this.flushing = undefined)));
  }

  private async storeAll(): Promise<void> {
    const { log, host, failed } = this.options;
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    const messages = [...byGroup(waiting)].flatMap(([group, runs]) =>
      split(host, runs).map((message) => ({ group, ...message })),
    );
    const results = await Promise.allSettled(messages.map(({ group, text }) => log.append(group, text)));
    const failure = results.find((result) => result.status === 'rejected');
    if (!failure) return;
    failed(failure.reason, this.dropped);
    // A record whose answer was lost is stored twice. A reader takes it once.
    const unstored = messages.filter((_, i) => results[i]!.status === 'rejected').flatMap(({ runs }) => runs);
    const newer = this.waiting;
    this.waiting = [];
    for (const record of [...unstored, ...newer]) this.add(record);
  }
}

function byGroup(records: readonly RunRecord[]): Map<number, RunRecord[]> {
  const groups = new Map<number, RunRecord[]>();
  for (const record of records) {
    const group = groupOf(record.root);
    const others = groups.get(group);
    if (others) others.push(record);
    else groups.set(group, [record]);
  }
  return groups;
}

interface Message {
  readonly text: string;
  readonly runs: readonly RunRecord[];
}

/** Divides records into messages, none of which is larger than a server takes. */
function split(host: string, runs: readonly RunRecord[]): Message[] {
  const text = encodeRuns({ host, runs });
  if (runs.length === 1 || (runs.length <= MAX_RECORDS && text.length <= MAX_CHARACTERS)) return [{ text, runs }];
  const half = Math.ceil(runs.length / 2);
  return [...split(host, runs.slice(0, half)), ...split(host, runs.slice(half))];
}
