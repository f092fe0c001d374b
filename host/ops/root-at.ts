import { headerIn } from '../broker/headers';
import type { Config } from '../config/config';
import { rootFrom } from '../message/lineage';
import type { Connection } from '../nats/connection';
import { placeIn, storedAt } from './event-place';
import { idOf } from './stored-event-text';

/** Returns the root of the tree of the event at a place, `STREAM:SEQUENCE`, if the event is still stored there. */
export async function rootAt(connection: Connection, config: Config, event: string): Promise<string | undefined> {
  const place = placeIn(event);
  const stored = place && (await storedAt(connection, place));
  return stored && rootFrom((name) => headerIn(stored.headers, name), idOf(stored, config) ?? event);
}
