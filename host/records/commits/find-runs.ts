import { decodedOrNone, type RunChanges } from './commit';
import type { CommitLog } from './commit-log';

/** A run in a commit log. */
export interface CommittedRun {
  readonly position: number;
  /** The id of the host that has committed the run. */
  readonly host: string;
  readonly run: RunChanges;
}

export interface RunSearch {
  /** The stream that the event was published to, with its sequence there. */
  readonly stream: string;
  readonly sequence: number;
  /** When the event was stored, in milliseconds since 1970 by the server's clock. Its runs come later. */
  readonly sinceMs: number;
  /** When the event's stream and the one of the retry queue were created. Other runs belong to events of lost streams. */
  readonly incarnations: ReadonlySet<string>;
  /** Called after each run that is found. Returns whether the search is over. */
  found(run: CommittedRun): boolean;
  /** Called for each batch of commits that was read. */
  progress(done: number, total: number): void;
}

/** Searches a commit log for the runs of one event, oldest first: those of its stream, and those of the retry queue. */
export async function findRuns(log: CommitLog, search: RunSearch): Promise<void> {
  const { first, last } = await log.bounds();
  const start = Math.max(first, (await log.firstSince(search.sinceMs)) ?? last + 1) - 1;
  for (let position = start; position < last;) {
    const commits = await log.readAfter(position);
    if (commits.length === 0) return;
    for (const commit of commits) {
      position = commit.position;
      for (const run of runsIn(commit.text, search)) {
        if (search.found({ ...run, position })) return;
      }
    }
    search.progress(position - start, last - start);
  }
}

/** Parses only a commit whose text has the sequence, because a log may have millions of commits. */
function runsIn(text: string, { stream, sequence, incarnations }: RunSearch): Omit<CommittedRun, 'position'>[] {
  if (!text.includes(`:${sequence}`)) return [];
  const commit = decodedOrNone(text);
  if (!commit) return [];
  const isOfEvent = ({ origin, event }: RunChanges): boolean =>
    event !== undefined &&
    incarnations.has(event.incarnation) &&
    origin.stream === stream &&
    origin.sequence === sequence;
  return commit.runs.filter(isOfEvent).map((run) => ({ host: commit.host, run }));
}
