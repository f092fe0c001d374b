import { covers } from '../../sdk/internal';
import { RETRY_STREAM } from '../broker/stream-state';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { handlerDurables, type HandlerDurable } from '../nats/handler-durables';
import { handlerPositions } from '../nats/handler-positions';
import { newestFirst, type StoredEvent } from '../nats/stored-event';
import { decodeStored } from './stored-event-text';

/** A stored event that came from outside the hosts. */
interface OutsideEvent {
  readonly subject: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly storedAtMs: number;
}

/** A stream is searched no further, because all of its newest events may be those of handlers. */
const MAX_SEARCHED = 20_000;

/**
 * Returns the newest valid event that a handler of this deployment takes, and that no handler has published; undefined
 * if the newest events of the handlers' streams have none.
 */
export async function newestFromOutside(connection: Connection, config: Config): Promise<OutsideEvent | undefined> {
  const durables = await handlerDurables(connection, config.deploy.name);
  const own = durables.filter(({ owner, stream }) => owner.kind === 'ours' && stream !== RETRY_STREAM);
  const streams = [...new Set(own.map(({ stream }) => stream))];
  const found = await Promise.all(
    streams.map(async (stream) => newestIn(connection, config, stream, await filtersOf(connection, stream, own))),
  );
  return found.filter((one) => one !== undefined).sort((a, b) => b.storedAtMs - a.storedAtMs)[0];
}

/** The subjects of a stream that these durables deliver. */
async function filtersOf(
  connection: Connection,
  stream: string,
  durables: readonly HandlerDurable[],
): Promise<string[]> {
  const names = new Set(durables.filter((one) => one.stream === stream).map(({ durable }) => durable));
  const positions = await handlerPositions(connection, stream);
  return positions.filter(({ durable }) => names.has(durable)).flatMap(({ filters }) => filters);
}

async function newestIn(
  connection: Connection,
  config: Config,
  stream: string,
  filters: readonly string[],
): Promise<OutsideEvent | undefined> {
  let searched = 0;
  const search = { mayMatch: () => true, progress: (done: number) => void (searched = done) };
  for await (const { matches } of newestFirst(connection, stream, search)) {
    for (const event of [...matches].reverse()) {
      const isTaken = filters.some((filter) => covers(filter, event.subject));
      const outside = isTaken ? fromOutside(event, config) : undefined;
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
