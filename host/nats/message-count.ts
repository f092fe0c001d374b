import { AckPolicy, DeliverPolicy, nanos, ReplayPolicy, type ConsumerConfig } from './client';
import type { Connection } from './connection';
import { streamInfo } from './streams';

/** The server deletes an unused consumer after this time. */
const INACTIVE_MS = 5_000;

/**
 * Counts the stored messages that match the subjects from a sequence on. Resolves with undefined if the credentials do
 * not permit the request. The server reports an exact count when it creates a consumer, so this function creates one
 * for a moment.
 */
export async function countFrom(
  connection: Connection,
  stream: string,
  sequence: number,
  subjects: readonly string[],
): Promise<number | undefined> {
  const start = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, sequence) };
  return (await probeFrom(connection, stream, { ...start, filter_subjects: [...subjects] }))?.messages;
}

/**
 * Finds the sequence from which on a stream holds exactly this many of its messages on a subject; the first one if it
 * holds no more, or if the credentials do not permit to count.
 */
export async function startOfNewest(
  connection: Connection,
  stream: string,
  subject: string,
  count: number,
): Promise<number> {
  const { state } = await streamInfo(connection, stream, { subjects_filter: subject });
  if ((state.subjects?.[subject] ?? 0) <= count) return state.first_seq;
  let [low, high] = [state.first_seq, state.last_seq - count + 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const messages = await countFrom(connection, stream, middle, [subject]);
    if (messages === undefined) return state.first_seq;
    if (messages >= count) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Finds the first sequence that was stored at a time or later, and the number of messages from there on. */
export function startAtTime(
  connection: Connection,
  stream: string,
  time: Date,
): Promise<{ readonly sequence: number; readonly messages: number } | undefined> {
  return probeFrom(connection, stream, { deliver_policy: DeliverPolicy.StartTime, opt_start_time: time.toISOString() });
}

/** Returns the `max_batch` that a limit of the server sets on each consumer; undefined if there is no such limit. */
export async function maxBatchLimit(connection: Connection, stream: string): Promise<number | undefined> {
  return (await probeFrom(connection, stream, { deliver_policy: DeliverPolicy.New }))?.maxBatch;
}

async function probeFrom(
  { jsm }: Connection,
  stream: string,
  start: Partial<ConsumerConfig>,
): Promise<{ sequence: number; messages: number; maxBatch: number | undefined } | undefined> {
  try {
    const info = await jsm.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(INACTIVE_MS),
      ...start,
    });
    await jsm.consumers.delete(stream, info.name).catch(() => undefined); // Else the server deletes it after INACTIVE_MS.
    return {
      sequence: info.delivered.stream_seq + 1,
      messages: info.num_pending,
      maxBatch: info.config.max_batch,
    };
  } catch {
    return undefined; // The request is not permitted, or no more consumers are allowed. The caller then reports bounds.
  }
}
