import type { KeyValue } from '../key-value';
import type { FoldedLog } from './folded-log';
import type { LoadedText } from './store-values';

/** Reads a key's committed text: from the commits that the bucket may not have yet, or from the bucket. */
export function loadText(key: string, { unfilled }: FoldedLog, bucket: KeyValue): LoadedText | Promise<LoadedText> {
  const found = unfilled.get(key);
  if (found) return { text: found.text, position: found.position };
  return bucket.get(key, { latest: true }).then((entry) => {
    const text = entry?.value ?? null;
    const position = entry?.position;
    if (entry && position === undefined) return { text, position: 0, foreign: entry.revision };
    return { text, position: position ?? 0 };
  });
}
