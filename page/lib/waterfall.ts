import type { HostRun, Trace, TracedEvent } from '../types';

/** A line of the waterfall: an event, or one of its runs. Times are fractions (0–1) of the trace's time. */
export interface WaterfallRow {
  readonly id: string;
  readonly depth: number;
  readonly event: TracedEvent;
  /** Absent for the line of an event. */
  readonly run?: HostRun;
  /** The wait from the event's storage until the run's start, and the run itself. */
  readonly waitFrom: number;
  readonly start: number;
  readonly end: number;
}

/** The lines of a trace in the order of its tree, with their places on the time scale. */
export function waterfall(trace: Trace): readonly WaterfallRow[] {
  const spanMs = Math.max(1, trace.endedAtMs - trace.startedAtMs);
  const at = (ms: number): number => Math.min(1, Math.max(0, (ms - trace.startedAtMs) / spanMs));
  const rows: WaterfallRow[] = [];
  const addEvent = (event: TracedEvent, depth: number): void => {
    const storedAt = at(event.storedAtMs ?? trace.startedAtMs);
    rows.push({ id: event.id, depth, event, waitFrom: storedAt, start: storedAt, end: storedAt });
    for (const [index, { record, events }] of event.runs.entries()) {
      rows.push({
        id: `${event.id} ${index}`,
        depth: depth + 1,
        event,
        run: record,
        waitFrom: at(record.storedAtMs),
        start: at(record.startedAtMs),
        end: at(record.startedAtMs + record.tookMs),
      });
      for (const child of events) addEvent(child, depth + 2);
    }
  };
  addEvent(trace.root, 0);
  for (const stray of trace.strays) addEvent(stray, 0);
  return rows;
}

/** Round marks of a time scale, at most five besides 0. */
export function ticks(spanMs: number): readonly number[] {
  const rough = Math.max(1, spanMs) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough)!;
  return Array.from({ length: Math.floor(spanMs / step) + 1 }, (_, index) => index * step);
}
