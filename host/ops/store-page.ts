import { escapeKey, unescapeKey } from '../effects/store-keys';
import { JetStreamLog } from '../nats/commit-log';
import type { Connection } from '../nats/connection';
import { ADOPTED } from '../records/commits/adoptions';
import type { Origin } from '../records/commits/commit';
import { readCommitted } from '../records/commits/read-committed';
import { KeyChanges } from '../records/history/key-changes';
import { bucketOf, logOf } from './find-store';

/** A key of a store, as plugins use it. */
export interface StoreKey {
  readonly key: string;
  readonly scope?: string;
}

export interface StoreQuery {
  /** A text within the key or the scope. */
  readonly q?: string | undefined;
  /** The keys after this one. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface StorePage {
  readonly entries: readonly (StoreKey & { readonly value: unknown })[];
  readonly total: number;
  readonly next?: string;
}

/** Reads a page of a plugin's values, all as of one commit, in the order of their keys. */
export async function readStorePage(connection: Connection, plugin: string, query: StoreQuery): Promise<StorePage> {
  const bucket = await bucketOf(plugin, connection);
  const texts = await readCommitted(await JetStreamLog.find(connection, plugin), bucket);
  const { q = '', cursor = '', limit } = query;
  const isWanted = ({ key, scope = '' }: StoreKey): boolean => key.includes(q) || scope.includes(q);
  const keys = [...texts.keys()].filter((escaped) => isWanted(unescapeKey(escaped))).sort();
  const from = keys.findIndex((escaped) => escaped > cursor);
  const page = from < 0 ? [] : keys.slice(from, from + limit);
  const last = page.at(-1);
  return {
    entries: page.map((escaped) => ({ ...unescapeKey(escaped), value: valueOf(texts.get(escaped)!) })),
    total: keys.length,
    ...(last !== undefined && last !== keys.at(-1) && { next: last }),
  };
}

export interface StoreChangeView {
  /** Absent if the value was removed. */
  readonly value?: unknown;
  readonly time?: string;
  readonly event?: string;
  readonly handler?: string;
  readonly version?: string;
  readonly attempt?: number;
  /** The source of a change that no handler has made: `code`, `cli` or `bucket`. */
  readonly by?: string;
}

/** Reads the newest changes of a key. */
export async function readKeyHistory(
  connection: Connection,
  plugin: string,
  { key, scope }: StoreKey,
  limit: number,
): Promise<{ readonly changes: readonly StoreChangeView[]; readonly isCut: boolean }> {
  const bucket = await bucketOf(plugin, connection);
  const log = await logOf(plugin, connection);
  const all = new KeyChanges(log, bucket, escapeKey(key, scope));
  const changes: StoreChangeView[] = [];
  for await (const { storedAtMs, origin, text } of all) {
    if (changes.length === limit) return { changes, isCut: false };
    changes.push({
      ...(text !== null && { value: valueOf(text) }),
      time: new Date(storedAtMs).toISOString(),
      ...whoMade(origin),
    });
  }
  const { before } = await all.earlier();
  if (before.kind === 'known' && before.text !== null) changes.push({ value: valueOf(before.text) });
  return { changes, isCut: before.kind !== 'none' };
}

function whoMade(origin: Origin): StoreChangeView {
  const by = sourceOf(origin);
  const { handler, version, attempt, stream, sequence } = origin;
  if (by !== 'handler') return { by };
  return {
    handler,
    event: `${stream}:${sequence}`,
    ...(version !== undefined && { version }),
    ...(attempt !== undefined && { attempt }),
  };
}

/** The source of a change: a handler, the plugin's code outside of one, a command, or another program. */
export type Source = 'handler' | 'code' | 'cli' | 'bucket';

/** A handler may have the name of another source, but only its changes have a version. */
export function sourceOf({ handler, version }: Origin): Source {
  if (version !== undefined) return 'handler';
  return handler === ADOPTED ? 'bucket' : handler === 'cli' ? 'cli' : 'code';
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // Another program wrote it.
  }
}
