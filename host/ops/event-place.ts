import type { Connection } from '../nats/connection';
import { findEvent, type StoredEvent } from '../nats/stored-event';
import { findStream } from '../nats/streams';

/** The place of an event on the server. */
export interface EventPlace {
  readonly stream: string;
  readonly sequence: number;
}

/** Reads a place as people write it, `STREAM:SEQUENCE`; undefined if the text is none. */
export function placeIn(text: string): EventPlace | undefined {
  const [, stream, sequence] = /^([^\s.*>/\\]+):([1-9]\d*)$/.exec(text) ?? [];
  return stream === undefined ? undefined : { stream, sequence: Number(sequence) };
}

/** Returns the event at a place, if the server still has it there. */
export async function storedAt(
  connection: Connection,
  { stream, sequence }: EventPlace,
): Promise<StoredEvent | undefined> {
  return (await findStream(connection, stream)) && findEvent(connection, stream, sequence);
}
