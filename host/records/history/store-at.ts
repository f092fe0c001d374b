import { readEntries } from '../commits/bucket-entries';
import { CHECKPOINT_KEY } from '../commits/checkpoint';
import type { CommitLog } from '../commits/commit-log';
import type { KeyValue } from '../key-value';
import { CommitsBefore, mayHold, type CommitsBeforeOptions } from './commits-before';
import type { Moment } from './moment';

/** The values of a store at a moment. */
export interface StoreState {
  /** The texts by key. */
  readonly texts: ReadonlyMap<string, string>;
  /** The keys whose value is not known: the last change before the moment is not in the log any more, nor in the bucket. */
  readonly unknown: readonly string[];
}

export interface StoreStateOptions extends Pick<CommitsBeforeOptions, 'progress'> {
  /** The keys; default all. */
  readonly only?: readonly string[];
}

/**
 * Reads the values of a store at a moment of its log. A run's changes are all in it, or none. Holds one value for each
 * key, and works without a running host.
 */
export async function storeAt(
  log: CommitLog,
  bucket: KeyValue,
  moment: Moment,
  { only, progress }: StoreStateOptions = {},
): Promise<StoreState> {
  const commits = new CommitsBefore(log, moment, {
    ...(progress && { progress }),
    ...(only && { mayMatter: (text) => only.some((key) => mayHold(text, key)) }),
  });
  const found = await lastTexts(commits, only && new Set(only));
  const keys = only ?? (await bucket.entryKeys());
  const others = keys.filter((key) => key !== CHECKPOINT_KEY && !found.has(key));
  const unknown: string[] = [];
  for (const [key, { value, position = Infinity }] of await readEntries(bucket, others)) {
    // The bucket has the last value before the kept history, unless a later one has replaced it.
    if (position < commits.lowest) found.set(key, value ?? null);
    else if (commits.lowest > 1) unknown.push(key);
  }
  return { texts: withoutRemoved(found), unknown };
}

async function lastTexts(commits: CommitsBefore, only?: ReadonlySet<string>): Promise<Map<string, string | null>> {
  const found = new Map<string, string | null>();
  for await (const { runs } of commits) {
    for (const { writes } of runs.toReversed()) {
      for (const [key, text] of writes) if (!found.has(key) && (only?.has(key) ?? true)) found.set(key, text);
    }
    if (found.size === only?.size) break;
  }
  return found;
}

function withoutRemoved(found: ReadonlyMap<string, string | null>): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, text] of found) if (text !== null) texts.set(key, text);
  return texts;
}
