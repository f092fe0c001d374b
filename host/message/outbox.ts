import { createHash } from 'node:crypto';
import type { OutgoingEvent } from '../broker/ports';
import type { Run } from './run';

/** Sends the events that the handler published. They are sent concurrently, so their order is not guaranteed. */
export async function sendOutbox(run: Run): Promise<void> {
  const events = isLate(run) ? await notSentYet(run) : run.outbox;
  const sends = events.map((event) => sendOne(run, event));
  const failed = (await Promise.allSettled(sends)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function sendOne({ handler, delivery }: Run, event: OutgoingEvent): Promise<void> {
  const { duplicate } = await handler.outgoing.send(event);
  if (!duplicate || delivery.deliveryCount > 1 || delivery.past) return;
  handler.log.error('published event was dropped as a duplicate, though its cause was delivered for the first time', {
    handler: handler.name,
    subject: event.subject,
    id: event.id,
    cause: `${delivery.stream}:${delivery.sequence}`,
  });
}

/** Whether another attempt may have sent these events so long ago that the streams no longer drop a repeat. */
function isLate({ handler, delivery, startedAtMs }: Run): boolean {
  const limitMs = handler.outgoing.dropsRepeatsMs / 2;
  const startedLongAgo = handler.time.nowMs() - startedAtMs > limitMs;
  return (
    startedLongAgo ||
    ((delivery.deliveryCount > 1 || delivery.past !== undefined) &&
      handler.time.epochMs() - delivery.origin.storedAtMs > limitMs)
  );
}

/**
 * Returns the events that are not in the streams yet. Returns none if another host has settled the causing message,
 * because that host has then sent all of them.
 */
async function notSentYet({ handler, delivery, outbox }: Run): Promise<OutgoingEvent[]> {
  await handler.settlements.refresh();
  if (handler.settlements.has(delivery.sequence)) return [];
  const subjects = [...new Set(outbox.map(({ subject }) => subject))];
  const sent = await Promise.all(
    subjects.map((subject) => handler.outgoing.idsSince(subject, delivery.origin.storedAtMs)),
  );
  return outbox.filter(({ id }) => !sent.some((ids) => ids.has(id)));
}

/**
 * Derives the id, a UUID, of an event that a handler publishes. Another run of the handler on the same message derives
 * the same id, so that the stream drops the repeat.
 */
export function derivedId(run: Run, subject: string, ordinal: number): string {
  const { delivery, handler } = run;
  const { stream, storedAtMs, sequence } = delivery.origin;
  const cause = `${stream}\n${storedAtMs}\n${sequence}`;
  const hash = createHash('sha256')
    .update(`${cause}\n${handler.plugin}.${handler.name}\n${subject}\n${ordinal}`)
    .digest();
  // Version 8 of RFC 9562 leaves the bits to the implementation.
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
