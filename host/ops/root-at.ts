import { headerIn } from '../broker/headers';
import type { Config } from '../config/config';
import { rootFrom } from '../message/lineage';
import type { Connection } from '../nats/connection';
import { findEvent } from '../nats/stored-event';
import { findStream } from '../nats/streams';
import { idOf } from './stored-event-text';

/** Returns the root of the tree of the event at a place, `STREAM:SEQUENCE`, if the event is still stored there. */
export async function rootAt(connection: Connection, config: Config, event: string): Promise<string | undefined> {
  const [, stream, sequence] = /^([^\s.*>/\\]+):([1-9]\d*)$/.exec(event) ?? [];
  if (stream === undefined || !(await findStream(connection, stream))) return undefined;
  const stored = await findEvent(connection, stream, Number(sequence));
  return stored && rootFrom((name) => headerIn(stored.headers, name), idOf(stored, config) ?? event);
}
