import type { KeyValue } from '../records/key-value';

/**
 * The deletion of a stream by `jetplug apply`. It is recorded in the host's bucket before the stream is deleted, so that
 * a running host does not take it for a loss, and does not create the stream in between with the settings of an earlier
 * config.
 */
export interface StreamDeletion {
  /** When the deleted stream was created, as the server writes it. The record of any other stream does not count. */
  readonly created: string;
  /** Whether `apply` creates the stream again. If not, it was an orphan. */
  readonly again: boolean;
  /** Who runs `apply`, as `user@machine`. */
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

export function recordDeletion(records: KeyValue, stream: string, deletion: StreamDeletion): Promise<number> {
  return records.put(keyOf(stream), JSON.stringify(deletion));
}

/** Reads the deletion of the stream that was created then; undefined if it was not deleted by `apply`. */
export async function findDeletion(
  records: KeyValue,
  stream: string,
  created: string,
): Promise<StreamDeletion | undefined> {
  const { value } = (await records.get(keyOf(stream), { latest: true })) ?? {};
  if (value === undefined) return undefined;
  const deletion = JSON.parse(value) as StreamDeletion | null;
  return deletion?.created === created ? deletion : undefined;
}

function keyOf(stream: string): string {
  return `deleted.${stream}`;
}
