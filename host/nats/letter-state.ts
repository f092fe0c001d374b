import type { Connection } from './connection';
import { findStream, streamInfo } from './streams';

/** The state of the stream of dead letters, which tells whether letters came or went. */
export interface LetterState {
  /** When the stream was created. A stream that is created again counts its ids from 1. */
  readonly created: string;
  readonly count: number;
  readonly firstId: number;
  readonly lastId: number;
}

/** Reads the state of the stream; undefined if there is no such stream. */
export async function letterState(connection: Connection, stream: string): Promise<LetterState | undefined> {
  const info = await findStream(connection, stream);
  if (!info) return undefined;
  const { messages, first_seq: firstId, last_seq: lastId } = info.state;
  return { created: info.created, count: messages, firstId, lastId };
}

/** Reads the ids, from the first to the last one of the stream, whose letters were removed. */
export async function removedIds(connection: Connection, stream: string): Promise<ReadonlySet<number>> {
  const { state } = await streamInfo(connection, stream, { deleted_details: true });
  return new Set(state.deleted);
}
