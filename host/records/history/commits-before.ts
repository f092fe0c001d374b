import { decodedOrNone, hasThisFormat, type Commit, type RunChanges } from '../commits/commit';
import type { CommitLog, LoggedCommit } from '../commits/commit-log';
import { codedLogError } from '../commits/log-errors';
import { endOf, keptHistory, type Moment } from './moment';

/** The number of commits that are read at a time, before the first one of them is known. */
const CHUNK = 1_000;

/** A commit, with those of its runs that are before a moment. */
export interface PastCommit {
  readonly position: number;
  readonly storedAtMs: number;
  readonly runs: readonly RunChanges[];
  readonly adopted: Commit['adopted'];
}

export interface CommitsBeforeOptions {
  /** Returns false if no part of the commit's text is wanted. Such a commit is not parsed. */
  mayMatter?(text: string): boolean;
  /** Called after each read, with the number of commits that are read and the number of all. */
  progress?(done: number, total: number): void;
}

/**
 * Reads the commits of a log before a moment, newest first. It needs no consumer, changes nothing, and holds one part of
 * the log at a time. It ends where the kept history begins, also if the host removes commits meanwhile.
 */
export class CommitsBefore implements AsyncIterable<PastCommit> {
  /** The lowest position so far from which on all commits are read. */
  lowest = Infinity;

  /** @param moment undefined for the present */
  constructor(
    private readonly log: CommitLog,
    private readonly moment: Moment | undefined,
    private readonly options: CommitsBeforeOptions = {},
  ) {}

  /** Rejects with `JP_LOG_UNREADABLE` for a commit of a later version of Jetplug. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PastCommit> {
    const kept = await keptHistory(this.log);
    const { first } = kept;
    const { position, runs } = this.moment ?? endOf(kept);
    const top = runs > 0 ? position + 1 : position;
    this.lowest = top;
    while (this.lowest > first) {
      const end = this.lowest;
      const from = Math.max(first, end - CHUNK);
      const { lowest, wanted } = await this.read(from, end);
      this.options.progress?.(top - from, top - first);
      // The newest commits come first, so a consumer that has seen enough can stop.
      for (const commit of wanted.reverse()) {
        this.lowest = commit.position;
        const past = this.pastOf(commit);
        if (past) yield past;
      }
      this.lowest = lowest;
      if (lowest > from) return;
    }
  }

  /** Reads the commits from `from` up to `end`, which is excluded. If some of them are gone, those before are too. */
  private async read(from: number, end: number): Promise<{ lowest: number; wanted: LoggedCommit[] }> {
    const { mayMatter = () => true } = this.options;
    let wanted: LoggedCommit[] = [];
    let lowest = from;
    for (let next = from; next < end;) {
      const commits = await this.log.readAfter(next - 1);
      const [oldest] = commits;
      if (!oldest || oldest.position >= end) return { lowest: end, wanted: [] };
      if (oldest.position > next) [lowest, wanted] = [oldest.position, []];
      for (const commit of commits) {
        if (commit.position >= end) break;
        if (!hasThisFormat(commit.text) || mayMatter(commit.text)) wanted.push(commit);
      }
      next = commits.at(-1)!.position + 1;
    }
    return { lowest, wanted };
  }

  private pastOf({ position, text, storedAtMs }: LoggedCommit): PastCommit | undefined {
    const commit = decoded(text);
    if (!commit) return undefined;
    const runs = position === this.moment?.position ? commit.runs.slice(0, this.moment.runs) : commit.runs;
    return {
      position,
      storedAtMs: storedAtMs ?? commit.runs.at(-1)?.origin.timeMs ?? 0,
      runs,
      adopted: commit.adopted,
    };
  }
}

function decoded(text: string): Commit | undefined {
  try {
    return decodedOrNone(text);
  } catch (error) {
    throw codedLogError(error);
  }
}

/** Whether the text of a commit may have a string as a key or a value. */
export function mayHold(text: string, part: string): boolean {
  return text.includes(JSON.stringify(part));
}
