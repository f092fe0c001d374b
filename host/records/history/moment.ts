import type { CommitLog } from '../commits/commit-log';

/**
 * A moment in a log: behind all commits before `position`, and behind the first `runs` runs of the commit at `position`.
 * The runs of a commit are in the order in which they have finished, and each of them changes the store as a whole.
 */
export interface Moment {
  readonly position: number;
  readonly runs: number;
}

/** The part of a plugin's commits that its log still has. */
export interface KeptHistory {
  /** The position of the oldest commit. It is above {@link last} if no commit is left. */
  readonly first: number;
  readonly last: number;
  /** Whether the log has all commits since the store's beginning. */
  readonly isComplete: boolean;
  /** The time from which on the log has all commits, in milliseconds since 1970; absent for a log without a commit. */
  readonly sinceMs?: number;
}

export async function keptHistory(log: CommitLog): Promise<KeptHistory> {
  const { first, last, firstAtMs, lastAtMs } = await log.bounds();
  // A log that replaces a lost one, or that was created for an older bucket, begins at a later position.
  return { first, last, isComplete: first === 1, ...since(firstAtMs ?? lastAtMs) };
}

function since(sinceMs: number | undefined): { sinceMs?: number } {
  return sinceMs === undefined ? {} : { sinceMs };
}

/** Returns the moment behind the newest commit. */
export function endOf({ last }: KeptHistory): Moment {
  return { position: last + 1, runs: 0 };
}

const DAY_MS = 86_400_000;

/**
 * Returns the moment behind all commits that the server had stored by a time, in milliseconds since 1970. The order of
 * the log counts, and the server's clock. The clocks of the hosts do not matter.
 * @returns undefined if commits before the kept history may have been stored after this time
 */
export async function momentAt(log: CommitLog, epochMs: number): Promise<Moment | undefined> {
  const before = await keptHistory(log);
  // A server does not take every time that a Date can be. Its clock may be ahead of this machine's.
  const timeMs = Math.max(0, Math.min(epochMs, Date.now() + DAY_MS));
  const later = await log.firstSince(timeMs + 1);
  if (later === undefined) {
    const isKept = before.isComplete || before.first <= before.last || timeMs >= (before.sinceMs ?? Infinity);
    return isKept ? endOf(before) : undefined;
  }
  // Commits may have been removed meanwhile.
  const { first, isComplete } = await keptHistory(log);
  return isComplete || later > first ? { position: later, runs: 0 } : undefined;
}
