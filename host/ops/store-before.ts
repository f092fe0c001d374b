import { Bucket } from '../nats/bucket';
import { JetStreamLog } from '../nats/commit-log';
import type { Connection } from '../nats/connection';
import type { StoredEvent } from '../nats/stored-event';
import { readEntries } from '../records/commits/bucket-entries';
import { CHECKPOINT_KEY } from '../records/commits/checkpoint';
import type { CommitLog } from '../records/commits/commit-log';
import { momentBefore, type EventName } from '../records/history/event-moments';
import { endOf, keptHistory, momentAt, type Moment } from '../records/history/moment';
import { storeAt } from '../records/history/store-at';
import type { KeyValue } from '../records/key-value';

type Progress = (done: number, total: number) => void;

/**
 * Which state of a store a run sees:
 * - `before-run`: as the first committed run of the handler for the event has found it
 * - `when-stored`: as it was when the stream stored the event, because no commit of the handler has the event
 * - `present`: as it is now, because the kept history does not reach back
 * - `none`: the plugin has no store on the server
 */
export type StateSource = 'before-run' | 'when-stored' | 'present' | 'none';

/** The state of a plugin's store that a run sees. */
export interface StoreBefore {
  readonly kind: StateSource;
  /** The time of the state, in milliseconds since 1970. */
  readonly atMs: number;
  /** The texts by key, as they are in the bucket. */
  readonly texts: ReadonlyMap<string, string>;
  /** The keys whose value at that time is not known. They have their present value. */
  readonly unknown: readonly string[];
}

/**
 * Reads the store of a plugin as it was before a handler handled an event. Changes nothing on the server.
 * @param progress called with the number of commits that are read, and of all
 */
export async function storeBefore(
  connection: Connection,
  { plugin, handler }: { readonly plugin: string; readonly handler: string },
  event: StoredEvent,
  id: string | undefined,
  progress: Progress,
): Promise<StoreBefore> {
  const bucket = await Bucket.find(connection, `jetplug-${plugin}`);
  const log = await JetStreamLog.find(connection, plugin);
  const { stream, sequence, storedAtMs } = event;
  if (!bucket) return { kind: 'none', atMs: storedAtMs, texts: new Map(), unknown: [] };
  if (!log) return { kind: 'present', atMs: Date.now(), ...(await presentTexts(bucket)), unknown: [] };
  const name = { stream, sequence, handler, ...(id !== undefined && { id }) };
  const { kind, atMs, moment } = await findMoment(log, name, storedAtMs, progress);
  const { texts, unknown } = await storeAt(log, bucket, moment, { progress });
  return { kind, atMs, texts: new Map([...texts, ...(await textsOf(bucket, unknown))]), unknown };
}

async function findMoment(
  log: CommitLog,
  event: EventName & { readonly handler: string },
  storedAtMs: number,
  progress: Progress,
): Promise<{ readonly kind: StateSource; readonly atMs: number; readonly moment: Moment }> {
  const before = await momentBefore(log, event, progress);
  if (before) return { kind: 'before-run', atMs: before.origin.timeMs, moment: before.moment };
  const moment = await momentAt(log, storedAtMs);
  if (moment) return { kind: 'when-stored', atMs: storedAtMs, moment };
  return { kind: 'present', atMs: Date.now(), moment: endOf(await keptHistory(log)) };
}

async function presentTexts(bucket: KeyValue): Promise<{ readonly texts: ReadonlyMap<string, string> }> {
  return { texts: await textsOf(bucket, await bucket.keys()) };
}

async function textsOf(bucket: KeyValue, keys: readonly string[]): Promise<Map<string, string>> {
  const entries = await readEntries(
    bucket,
    keys.filter((key) => key !== CHECKPOINT_KEY),
  );
  const texts = new Map<string, string>();
  for (const [key, { value }] of entries) if (value !== undefined) texts.set(key, value);
  return texts;
}
