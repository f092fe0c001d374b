import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { newestFirst, type StoredEvent } from '../nats/stored-event';
import { eventStreams } from './event-streams';
import { decodeStored } from './stored-event-text';

/** A stored event that came from outside the hosts. */
export interface OutsideEvent {
  readonly subject: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly storedAtMs: number;
}

/** A stream is searched no further, because all of its newest events may be those of handlers. */
const MAX_SEARCHED = 20_000;

/** Returns the newest valid event that no handler has published; undefined if the streams' newest events have none. */
export async function newestFromOutside(connection: Connection, config: Config): Promise<OutsideEvent | undefined> {
  const streams = await eventStreams(connection, config);
  const found = await Promise.all(streams.map((stream) => newestIn(connection, config, stream)));
  return found.filter((one) => one !== undefined).sort((a, b) => b.storedAtMs - a.storedAtMs)[0];
}

async function newestIn(connection: Connection, config: Config, stream: string): Promise<OutsideEvent | undefined> {
  let searched = 0;
  const search = { mayMatch: () => true, progress: (done: number) => void (searched = done) };
  for await (const { matches } of newestFirst(connection, stream, search)) {
    for (const event of [...matches].reverse()) {
      const outside = fromOutside(event, config);
      if (outside) return outside;
    }
    if (searched >= MAX_SEARCHED) return undefined;
  }
  return undefined;
}

function fromOutside(event: StoredEvent, config: Config): OutsideEvent | undefined {
  const decoded = decodeStored(event, config);
  if (decoded.kind !== 'decoded' || decoded.hops > 0) return undefined;
  return { subject: event.subject, fields: decoded.fields, storedAtMs: event.storedAtMs };
}
