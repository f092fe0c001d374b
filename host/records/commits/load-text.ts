import type { KeyValue } from '../key-value';
import type { FoldedLog } from './folded-log';
import type { LoadedText } from './store-values';

/** Reads a key's committed text: from the commits that the bucket may not have yet, or from the bucket. */
export function loadText(
  key: string,
  { unfilled, bucketRevision: asOf }: FoldedLog,
  bucket: KeyValue,
): LoadedText | Promise<LoadedText> {
  const found = unfilled.get(key);
  if (found) return { text: found.text, position: found.position };
  // As long as no commit's text is known to be in the bucket, it has only values of other programs.
  return bucket.get(key, asOf > 0 ? { asOf } : { latest: true }).then((entry) => {
    const text = entry?.value ?? null;
    const position = entry?.position;
    if (entry && position === undefined) return { text, position: 0, foreign: entry.revision };
    return { text, position: position ?? 0 };
  });
}
