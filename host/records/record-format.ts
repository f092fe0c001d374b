import { isJetplugError, JetplugError } from '../../sdk/internal';

/**
 * Refuses a record that a later version of Jetplug has written, so that this version neither misreads nor replaces it.
 * A record without a number has format 1.
 * @param what names the record, such as `the record settled.badge-award in the bucket jetplug`
 * @param own the format that this version reads and writes
 * @throws JetplugError `JP_RECORD_NEWER`
 */
export function assertReadable(what: string, format: unknown, own: number): void {
  const found = Number(format ?? 1);
  if (!(found > own)) return;
  throw new JetplugError('JP_RECORD_NEWER', `${what} has format ${found}, and this host reads format ${own}`);
}

/** Whether the error says that a later version of Jetplug has written a record. */
export function isOfLaterFormat(error: unknown): boolean {
  return isJetplugError(error) && error.code === 'JP_RECORD_NEWER';
}

/** Names a record in the bucket `jetplug`, for a message. */
export function recordAt(key: string): string {
  return `the record ${key} in the bucket jetplug`;
}
