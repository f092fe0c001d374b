import type { RunRecord } from '../records/runs/run-record';

/** A recorded run, and the host that recorded it. */
export interface HostRun extends RunRecord {
  readonly host: string;
}

/** An event of a tree, with the runs that handled it. */
export interface TracedEvent {
  readonly id: string;
  readonly subject?: string;
  readonly stream?: string;
  readonly sequence?: number;
  readonly storedAtMs?: number;
  /** In the order of their start. */
  readonly runs: readonly TracedRun[];
}

/** A run, with the events that it has published. */
export interface TracedRun {
  readonly record: HostRun;
  readonly events: readonly TracedEvent[];
}

/** A tree of events. */
export interface Trace {
  readonly root: TracedEvent;
  /** Events of the tree that no recorded run has published, in the order of their storage. */
  readonly strays: readonly TracedEvent[];
  /** The time from the first event to the end of the last run. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Whether runs of the tree are missing, because only its failed runs are recorded. */
  readonly isPartial: boolean;
}

/**
 * Builds the tree of events with this root.
 * @param root the root as the records name it
 * @param records the records of the tree, in any order; a record may occur several times
 */
export function buildTrace(root: string, records: Iterable<HostRun>): Trace | undefined {
  const runs = [...distinct(records)].sort((a, b) => a.startedAtMs - b.startedAtMs);
  if (runs.length === 0) return undefined;
  const byEvent = groupByEvent(runs);
  const placed = new Set<string>();
  const eventOf = (id: string, subject?: string): TracedEvent => {
    // An event that leads to itself, by an id that was typed by hand, is shown once.
    const own = placed.has(id) ? [] : (byEvent.get(id) ?? []);
    placed.add(id);
    const [first] = own;
    return {
      id,
      ...(subject !== undefined && { subject }),
      ...(first && placeOf(first)),
      runs: own.map((record) => ({
        record,
        events: (record.emits ?? []).map((emit) => eventOf(emit.id, emit.subject)),
      })),
    };
  };
  const first = byEvent.has(root) ? root : (runs.find(({ cause }) => cause === undefined)?.id ?? root);
  const tree = eventOf(first);
  const strays = [...byEvent.keys()].filter((id) => !placed.has(id)).map((id) => eventOf(id));
  return {
    root: tree,
    strays,
    startedAtMs: Math.min(...runs.map(({ storedAtMs, startedAtMs }) => Math.min(storedAtMs, startedAtMs))),
    endedAtMs: Math.max(...runs.map(({ startedAtMs, tookMs }) => startedAtMs + tookMs)),
    isPartial: runs.some(({ isPartial }) => isPartial),
  };
}

function placeOf({ subject, stream, sequence, storedAtMs }: HostRun): Omit<TracedEvent, 'id' | 'runs'> {
  return { subject, stream, sequence, storedAtMs };
}

function* distinct(records: Iterable<HostRun>): Iterable<HostRun> {
  const seen = new Set<string>();
  for (const record of records) {
    const { plugin, handler, stream, sequence, attempt, startedAtMs } = record;
    const name = [plugin, handler, stream, sequence, attempt, startedAtMs].join(' ');
    if (!seen.has(name)) yield record;
    seen.add(name);
  }
}

function groupByEvent(runs: readonly HostRun[]): Map<string, HostRun[]> {
  const groups = new Map<string, HostRun[]>();
  for (const run of runs) {
    const others = groups.get(run.id);
    if (others) others.push(run);
    else groups.set(run.id, [run]);
  }
  return groups;
}
