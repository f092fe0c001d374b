import { JetplugError } from '../../../sdk/internal';
import type { KeyValue } from '../key-value';
import type { FoldedLog } from './folded-log';
import { LogCut, type LogReader } from './log-reader';
import type { LoadedText } from './store-values';

/**
 * Reads a key's committed text: from the commits that the bucket may not have yet, or from the bucket. If the bucket is
 * ahead of this host, the commits up to the text's are read too, because a run that has read older values of their other
 * keys must start again.
 */
export function loadText(
  key: string,
  reader: Pick<LogReader, 'catchUpTo'>,
  folded: FoldedLog,
  bucket: KeyValue,
): LoadedText | Promise<LoadedText> {
  const found = folded.unfilled.get(key);
  if (found) return { text: found.text, position: found.position };
  const { bucketRevision: asOf } = folded;
  // As long as no commit's text is known to be in the bucket, it has only values of other programs.
  return bucket.get(key, asOf > 0 ? { asOf } : { latest: true }).then(async (entry) => {
    const text = entry?.value ?? null;
    const position = entry?.position;
    if (entry && position === undefined) return { text, position: 0, foreign: entry.revision };
    if (position !== undefined && position > folded.position) await reader.catchUpTo(position).catch(failUnlessCut);
    return { text, position: position ?? 0 };
  });
}

/** A host whose log is cut finds that out at its next append, and reads the checkpoint then. */
function failUnlessCut(cause: Error): void {
  if (cause instanceof LogCut) return;
  const message = `the commits up to a value in the bucket cannot be read: ${cause.message}`;
  throw new JetplugError('JP_STORE_UNAVAILABLE', message, { cause });
}
