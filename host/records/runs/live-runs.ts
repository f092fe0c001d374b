import { covers } from '../../../sdk/internal';
import type { Time, Timer } from '../../base/time';
import type { RunRecord } from './run-record';

/** The runs that somebody watches. */
export interface LiveFilter {
  /** A subject with wildcards. Default: all. */
  readonly subject?: string | undefined;
  readonly plugin?: string | undefined;
  readonly handler?: string | undefined;
  /** Only runs that were handled, or only those that were not. Default: both. */
  readonly handled?: boolean | undefined;
  /** Fields of the event, by path, with the text of their values. */
  readonly fields?: readonly { readonly path: readonly string[]; readonly value: string }[] | undefined;
}

/** A record, with a short text that tells its event from others. */
export interface LiveRun extends RunRecord {
  readonly about: string;
}

/** The runs of a short time, as a host sends them to somebody who watches. */
export interface LiveMessage {
  readonly host: string;
  readonly runs: readonly LiveRun[];
  /** The number of runs that were left out, because there were too many in this time. */
  readonly left: number;
}

/** The parts of a run that a filter reads. */
export interface WatchedRun {
  readonly plugin: string;
  readonly handler: string;
  readonly subject: string;
  readonly isHandled: boolean;
  readonly event: object | undefined;
}

export interface LiveRunsOptions {
  readonly host: string;
  readonly time: Time;
}

/** A watch ends if it is not asked for again in this time. */
const LEASE_MS = 6_000;
const FLUSH_MS = 100;
/** How many runs are sent in one message, and how many more if they have failed. */
const MAX_RUNS = 20;
const MAX_FAILED = 20;
/** The size of the runs in one message. The server takes 1 MiB by default. */
const MAX_BYTES = 600_000;
const MAX_WATCHERS = 20;

interface Watcher {
  filter: LiveFilter;
  /** Sends a message, a {@link LiveMessage} as JSON. */
  send: (message: string) => void;
  untilMs: number;
  /** The runs for the next message, as JSON. */
  runs: string[];
  bytes: number;
  left: number;
}

/**
 * Sends the records of runs to those who watch now. If there are too many, some are left out and counted before their
 * records are made, so that a watch costs the host little.
 */
export class LiveRuns {
  private readonly watchers = new Map<string, Watcher>();
  private timer: Timer | undefined;

  constructor(private readonly options: LiveRunsOptions) {}

  get isWatched(): boolean {
    return this.watchers.size > 0;
  }

  /**
   * Begins a watch, or extends it. Returns false if there are too many.
   * @param name identifies the watch
   */
  watch(name: string, filter: LiveFilter, send: Watcher['send']): boolean {
    const { time } = this.options;
    const untilMs = time.nowMs() + LEASE_MS;
    const watcher = this.watchers.get(name);
    if (watcher) Object.assign(watcher, { filter, send, untilMs });
    else if (this.watchers.size >= MAX_WATCHERS) return false;
    else this.watchers.set(name, { filter, send, untilMs, runs: [], bytes: 0, left: 0 });
    this.timer ??= time.every(FLUSH_MS, () => this.flush());
    return true;
  }

  /** Adds a run for all whose filter it passes. `make` makes its record, a {@link LiveRun} as JSON, if one is needed. */
  add(run: WatchedRun, make: () => string): void {
    let record: string | undefined;
    for (const watcher of this.watchers.values()) {
      if (!passes(run, watcher.filter)) continue;
      if (hasRoom(watcher, run)) push((record ??= make()), watcher);
      else watcher.left++;
    }
  }

  stop(): void {
    this.timer?.cancel();
    this.watchers.clear();
  }

  private flush(): void {
    const { host, time } = this.options;
    const nowMs = time.nowMs();
    for (const [name, watcher] of this.watchers) {
      const { runs, left, send, untilMs } = watcher;
      if (runs.length > 0 || left > 0)
        send(`{"host":${JSON.stringify(host)},"runs":[${runs.join(',')}],"left":${left}}`);
      watcher.runs = [];
      watcher.bytes = 0;
      watcher.left = 0;
      if (untilMs < nowMs) this.watchers.delete(name);
    }
    if (this.isWatched) return;
    this.timer?.cancel();
    this.timer = undefined;
  }
}

function hasRoom({ runs, bytes }: Watcher, { isHandled }: WatchedRun): boolean {
  return bytes < MAX_BYTES && runs.length < MAX_RUNS + (isHandled ? 0 : MAX_FAILED);
}

/** Adds a record to the next message. A record that does not fit fills the message, so that no more records are made. */
function push(record: string, watcher: Watcher): void {
  watcher.bytes += Buffer.byteLength(record);
  if (watcher.bytes <= MAX_BYTES) watcher.runs.push(record);
  else watcher.left++;
}

function passes(run: WatchedRun, { subject, plugin, handler, handled, fields }: LiveFilter): boolean {
  if (plugin !== undefined && plugin !== run.plugin) return false;
  if (handler !== undefined && handler !== run.handler) return false;
  if (handled !== undefined && handled !== run.isHandled) return false;
  if (subject !== undefined && !covers(subject, run.subject)) return false;
  return !fields || fields.every(({ path, value }) => textAt(run.event, path) === value);
}

/** Returns the text, number or boolean at a path of an event, as text. */
export function textAt(event: unknown, path: readonly string[]): string | undefined {
  let value = event;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === 'object' && value !== null ? undefined : String(value);
}
