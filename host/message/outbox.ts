import { createHash } from 'node:crypto';
import { partKey, type Emit } from '../records/commits/commit';
import { eventOf } from './event-of';
import type { Endings } from './execution';
import type { Later } from './later';
import { SETTLED_BEFORE } from './outcome';
import type { Run } from './run';
import { end, passed, type Arrived, type Committed, type Ended, type Sent } from './stages';
import { outcomeOfThrown } from './thrown-outcome';

/** Sends the events that the committed run has published. Only a stop of the host interrupts it. */
export function sendEmits(run: Committed): Sent | Ended | Later<Sent | Ended> {
  if (run.owesWork || run.passed > 0) return run.interruptible(sendUnsent(run), SENDING);
  if (!run.hasPublished) return passed(run);
  return run.interruptible(sendAll(run, run.outbox), SENDING);
}

const SENDING: Endings<Run, void, Sent | Ended> = {
  done: (run) => passed(run),
  failed: (run, thrown) => end(run, outcomeOfThrown(run, thrown)),
  interrupted: end,
};

/** Sends the events of a run that was committed before, because it is not known whether all of them were sent. */
export async function sendAgain(run: Arrived): Promise<Ended> {
  try {
    await sendUnsent(run);
  } catch (error) {
    return end(run, outcomeOfThrown(run, error));
  }
  return end(run, SETTLED_BEFORE);
}

/** Sends the events that were published in the committed parts of the event, if they may not be sent yet. */
export async function sendUnsent(run: Run): Promise<void> {
  for (const [part, emits] of unsentOf(run)) {
    await sendAll(run, isLate(run) ? await notSentYet(run, emits) : emits, part);
  }
}

export function hasUnsent(run: Run): boolean {
  return unsentOf(run).length > 0;
}

function unsentOf(run: Run): readonly (readonly [part: string, emits: readonly Emit[]])[] {
  const { unsent } = run.handler.commits.log?.folded ?? NO_LOG;
  if (unsent.size === 0) return [];
  const event = eventOf(run);
  const parts = [partKey(event)];
  for (let part = 1; part <= Math.max(run.passed, run.past.length); part++) parts.push(partKey(event, part));
  return parts.flatMap((part) => {
    const emits = unsent.get(part);
    return emits ? [[part, emits] as const] : [];
  });
}

const NO_LOG = { unsent: new Map<string, readonly Emit[]>() };

/**
 * The events are sent concurrently, so their order is not guaranteed.
 * @param part the part of the run's event in which they were published. Default: the last one
 */
async function sendAll(run: Run, emits: readonly Emit[], part = partKey(eventOf(run))): Promise<void> {
  const sends = emits.map((emit) => sendOne(run, emit));
  const failed = (await Promise.allSettled(sends)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  run.handler.commits.log?.sent.note(part);
}

async function sendOne({ handler, delivery }: Run, event: Emit): Promise<void> {
  const { duplicate } = await handler.outgoing.send(event);
  if (!duplicate || delivery.deliveryCount > 1 || delivery.past) return;
  handler.log.error('published event was dropped as a duplicate, though its cause was delivered for the first time', {
    handler: handler.name,
    subject: event.subject,
    id: event.id,
    cause: `${delivery.stream}:${delivery.sequence}`,
  });
}

/** Whether the events may have been sent so long ago that the streams no longer drop a repeat. */
function isLate({ handler, delivery }: Run): boolean {
  return handler.time.epochMs() - delivery.origin.storedAtMs > handler.outgoing.dropsRepeatsMs / 2;
}

/** Returns the events that are not in the streams yet. */
async function notSentYet({ handler, delivery }: Run, emits: readonly Emit[]): Promise<Emit[]> {
  const subjects = [...new Set(emits.map(({ subject }) => subject))];
  const sent = await Promise.all(
    subjects.map((subject) => handler.outgoing.idsSince(subject, delivery.origin.storedAtMs)),
  );
  return emits.filter(({ id }) => !sent.some((ids) => ids.has(id)));
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
