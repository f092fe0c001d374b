import type { KeyValue } from '../key-value';
import { readEntries } from './bucket-entries';
import { CHECKPOINT_KEY, CheckpointStore } from './checkpoint';
import { decodedOrNone } from './commit';
import type { CommitLog } from './commit-log';

interface ReadText {
  readonly text: string | null;
  readonly position: number;
}

/**
 * Reads the committed texts of a plugin's keys, all as of one commit. Works without a running host: commits that are
 * not in the bucket yet are read from the log.
 * @param log undefined if the plugin has no log
 * @param only the keys; all keys if it is absent
 */
export async function readCommitted(
  log: CommitLog | undefined,
  bucket: KeyValue,
  only?: readonly string[],
): Promise<Map<string, string>> {
  let before: number | undefined;
  for (;;) {
    // The order matters. The bucket is read after the checkpoint, so it has all texts of the commits up to the
    // checkpoint. The log is read last, so it has every commit of which the bucket holds a text.
    const filled = log ? ((await new CheckpointStore(bucket).read())?.filled ?? 0) : 0;
    const texts = await readBucket(bucket, only);
    // If the log was cut meanwhile, a later checkpoint has replaced the one that was read. If it has not, the missing
    // commits are lost.
    if (!log || (await readLog(log, filled, texts, only, before === filled))) return present(texts);
    before = filled;
  }
}

async function readBucket(bucket: KeyValue, only: readonly string[] | undefined): Promise<Map<string, ReadText>> {
  const texts = new Map<string, ReadText>();
  const keys = (only ?? (await bucket.keys())).filter((key) => key !== CHECKPOINT_KEY);
  for (const [key, { value, position = 0 }] of await readEntries(bucket, keys)) {
    texts.set(key, { text: value ?? null, position });
  }
  return texts;
}

/**
 * Adds the texts of the commits behind a position. Returns false if commits between the position and the first one in
 * the log are missing.
 */
async function readLog(
  log: CommitLog,
  filled: number,
  texts: Map<string, ReadText>,
  only: readonly string[] | undefined,
  acceptsGap: boolean,
): Promise<boolean> {
  const { first, last } = await log.bounds();
  if (first > filled + 1 && !acceptsGap) return false;
  const wanted = only && new Set(only);
  let position = filled;
  while (position < last) {
    const commits = await log.readAfter(position);
    if (commits.length === 0) return true;
    for (const commit of commits) {
      if (commit.position > position + 1 && !acceptsGap) return false;
      position = commit.position;
      for (const [key, text] of writesOf(commit.text)) {
        if (wanted && !wanted.has(key)) continue;
        if ((texts.get(key)?.position ?? 0) <= position) texts.set(key, { text, position });
      }
    }
  }
  return true;
}

/** Returns the changes of a commit in order; none for a message that another program has put into the log. */
function* writesOf(text: string): Iterable<readonly [string, string | null]> {
  for (const { writes } of decodedOrNone(text)?.runs ?? []) yield* writes;
}

function present(texts: ReadonlyMap<string, ReadText>): Map<string, string> {
  const values = new Map<string, string>();
  for (const [key, { text }] of texts) if (text !== null) values.set(key, text);
  return values;
}
