import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { findEvent } from '../nats/stored-event';
import { readContracts } from './contract-records';
import { viewEvent, viewPayload, type EventView } from './event-view';
import { findEvents, type EventFilter } from './find-events';
import { secretsIn } from './secrets';
import type { Trace, TracedEvent } from './trace';

/** A search that takes longer ends with the events that it has found. */
const SEARCH_MS = 5_000;
const MAX_PAYLOADS = 200;
const MAX_PAYLOAD_BYTES = 64 * 1024;
/** The number of payloads that are read at once. */
const TOGETHER = 50;

/** Finds stored events for the page, the newest first. Ends after a few seconds. */
export async function searchEvents(
  connection: Connection,
  config: Config,
  filter: EventFilter,
  limit: number,
): Promise<{ readonly events: readonly EventView[]; readonly complete: boolean }> {
  const secretsOf = secretsIn((await readContracts(connection)).records);
  const signal = AbortSignal.timeout(SEARCH_MS);
  const events: EventView[] = [];
  for await (const { stored } of findEvents(connection, config, filter, { signal })) {
    events.push(viewEvent(stored, config, secretsOf(stored.subject)));
    if (events.length === limit) break;
  }
  const complete = events.length < limit && !signal.aborted;
  return { events: events.sort((a, b) => (a.time < b.time ? 1 : -1)), complete };
}

/** Reads the payloads of the events of a tree by their ids, as far as they are stored, with secrets masked. */
export async function payloadsOf(connection: Connection, trace: Trace): Promise<Record<string, unknown>> {
  const secretsOf = secretsIn((await readContracts(connection)).records);
  const events = [trace.root, ...trace.strays].flatMap(allEvents).slice(0, MAX_PAYLOADS);
  const payloads: Record<string, unknown> = {};
  for (let from = 0; from < events.length; from += TOGETHER) {
    const read = events.slice(from, from + TOGETHER).map(async ({ id, stream, sequence, storedAtMs }) => {
      if (stream === undefined || sequence === undefined) return;
      const event = await findEvent(connection, stream, sequence);
      // If the stream was created again, the same sequence is another event.
      if (event?.storedAtMs !== storedAtMs || event === undefined) return;
      if (event.payload.length > MAX_PAYLOAD_BYTES) return;
      const { payload, text } = viewPayload(event.payload, secretsOf(event.subject));
      payloads[id] = text ?? payload;
    });
    await Promise.all(read);
  }
  return payloads;
}

function allEvents(event: TracedEvent): TracedEvent[] {
  return [event, ...event.runs.flatMap(({ events }) => events.flatMap(allEvents))];
}
