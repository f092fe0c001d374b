import type { Entry, KeyValue } from '../key-value';

/** The number of keys that are read from the bucket at a time. */
const READS_AT_A_TIME = 500;

/** Reads the present entries of these keys. Keys without an entry are left out. */
export async function readEntries(bucket: KeyValue, keys: readonly string[]): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>();
  for (let from = 0; from < keys.length; from += READS_AT_A_TIME) {
    const part = keys.slice(from, from + READS_AT_A_TIME);
    const entries = await Promise.all(part.map((key) => bucket.get(key, { latest: true })));
    for (const [i, entry] of entries.entries()) if (entry) found.set(part[i]!, entry);
  }
  return found;
}
