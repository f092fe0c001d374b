import type { Origin, RunChanges } from '../commits/commit';
import type { CommitLog } from '../commits/commit-log';
import { CommitsBefore, mayHold, type CommitsBeforeOptions, type PastCommit } from './commits-before';
import type { Moment } from './moment';

/** An event: its id, or its stream and sequence. A text such as `EVENTS:12` may be both. */
export interface EventName {
  readonly id?: string;
  readonly stream?: string;
  readonly sequence?: number;
}

/** A moment next to the commit of an event. */
export interface EventMoment {
  readonly moment: Moment;
  /** The run of the event that was committed. */
  readonly origin: Origin;
  readonly storedAtMs: number;
}

type Progress = CommitsBeforeOptions['progress'];

/**
 * Finds the moment just after the commit of an event: after all changes of its run, or of its batch, and before those of
 * the next run. If several handlers of the plugin have handled the event, the last one counts.
 * @returns undefined if the kept history has no commit of the event
 */
export async function momentAfter(
  log: CommitLog,
  event: EventName,
  progress?: Progress,
): Promise<EventMoment | undefined> {
  for await (const { commit, index } of runsOf(log, event, progress)) {
    return momentIn(commit, index, endOfCall(commit.runs, index));
  }
  return undefined;
}

/**
 * Finds the moment just before the first commit of an event by a handler: the store as its run saw it. A run that has put
 * the event off, or has made it a dead letter, counts only if the handler has no other one.
 * @param handler default any
 * @returns undefined if the kept history has no commit of the event by the handler
 */
export async function momentBefore(
  log: CommitLog,
  event: EventName & { readonly handler?: string },
  progress?: Progress,
): Promise<EventMoment | undefined> {
  let first: EventMoment | undefined;
  let firstLeft: EventMoment | undefined;
  for await (const { commit, index } of runsOf(log, event, progress)) {
    const { origin, left } = commit.runs[index]!;
    if (origin.handler !== (event.handler ?? origin.handler)) continue;
    const found = momentIn(commit, index, startOfCall(commit.runs, index));
    if (left) firstLeft = found;
    else first = found;
  }
  return first ?? firstLeft;
}

/** Finds the runs of an event, newest first. */
async function* runsOf(
  log: CommitLog,
  event: EventName,
  progress: Progress,
): AsyncGenerator<{ commit: PastCommit; index: number }> {
  const commits = new CommitsBefore(log, undefined, {
    mayMatter: (text) => mayHoldEvent(text, event),
    ...(progress && { progress }),
  });
  for await (const commit of commits) {
    for (let index = commit.runs.length - 1; index >= 0; index--) {
      if (isOf(commit.runs[index]!.origin, event)) yield { commit, index };
    }
  }
}

function mayHoldEvent(text: string, { id, stream, sequence }: EventName): boolean {
  if (id !== undefined && mayHold(text, id)) return true;
  return stream !== undefined && mayHold(text, stream) && text.includes(`:${sequence}`);
}

function isOf({ eventId, ...origin }: Origin, { id, stream, sequence }: EventName): boolean {
  if (id !== undefined && eventId === id) return true;
  return stream !== undefined && origin.stream === stream && origin.sequence === sequence;
}

function momentIn({ position, runs, storedAtMs }: PastCommit, index: number, before: number): EventMoment {
  return { moment: { position, runs: before }, origin: runs[index]!.origin, storedAtMs };
}

/** The number of runs up to the end of the call for a batch that the run belongs to. */
function endOfCall(runs: readonly RunChanges[], index: number): number {
  let end = index + 1;
  while (runs[end]?.joins) end++;
  return end;
}

/** The number of runs before the call for a batch that the run belongs to. */
function startOfCall(runs: readonly RunChanges[], index: number): number {
  let start = index;
  while (runs[start]!.joins) start--;
  return start;
}
