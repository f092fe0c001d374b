import { derivedUuid } from '../base/derived-id';
import type { Emit } from '../records/commits/commit';
import type { Endings } from './execution';
import type { Later } from './later';
import type { Outcome } from './outcome';
import { eventOf, type Run } from './run';
import { end, passed, type Committed, type Ended, type Sent } from './stages';
import { errorOfThrown } from './thrown-outcome';

/** Sends the events that the committed run has published. Only a stop of the host interrupts it. */
export function sendEmits(run: Committed): Sent | Ended | Later<Sent | Ended> {
  if (run.owesWork || run.passed > 0) return run.interruptible(besideOthers(run, sendUnsent), SENDING);
  if (!run.hasPublished) return passed(run);
  return run.interruptible(besideOthers(run, sendOutbox), SENDING);
}

const SENDING: Endings<Run, void, Sent | Ended> = {
  done: (run) => passed(run),
  failed: (run, thrown) => end(run, notSent(run, thrown)),
  interrupted: end,
};

/** The outcome of a committed run whose events could not be sent. Its event is not at fault. */
export function notSent({ handler }: Run, thrown: unknown): Outcome {
  return { kind: 'unavailable', error: errorOfThrown(handler, thrown) };
}

/** Other events of the handler run meanwhile. So many events are sent at a time, and can share a batch. */
async function besideOthers(run: Run, send: (run: Run) => Promise<void>): Promise<void> {
  run.registry.beginCommit();
  try {
    await send(run);
  } finally {
    run.registry.endCommit();
  }
}

/** If the host was frozen after the commit, another host may have sent the events long ago. */
async function sendOutbox(run: Run): Promise<void> {
  const { outbox } = run;
  const dropped = await sendAll(run, startedLongAgo(run) ? await notSentYet(run, outbox) : outbox, outbox);
  if (run.delivery.deliveryCount === 1 && !run.delivery.past) for (const event of dropped) logDropped(run, event);
}

/**
 * Sends the events of a run that was committed before, if it is not known that all of them were sent. The count of the
 * delivery does not tell that: it begins anew when the server loses or forgets the consumer.
 */
export async function sendUnsent(run: Run): Promise<void> {
  const unsent = unsentOf(run);
  if (unsent.length > 0) await sendAll(run, isLate(run) ? await notSentYet(run, unsent) : unsent, unsent);
}

function unsentOf(run: Run): readonly Emit[] {
  return run.handler.commits.log?.sent.unsentOf(eventOf(run)) ?? [];
}

/**
 * The events are sent concurrently, so their order is not guaranteed.
 * @param noted all committed events of which `emits` are those that may not be sent yet
 * @returns the events that their streams have dropped as duplicates
 */
async function sendAll(run: Run, emits: readonly Emit[], noted: readonly Emit[]): Promise<Emit[]> {
  const sends = await Promise.allSettled(emits.map((emit) => run.handler.outgoing.send(emit)));
  const failed = sends.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  run.handler.commits.log?.sent.note(eventOf(run), noted);
  return emits.filter((_, i) => (sends[i] as PromiseFulfilledResult<{ duplicate: boolean }>).value.duplicate);
}

function logDropped({ handler, delivery }: Run, event: Emit): void {
  handler.log.error('published event was dropped as a duplicate, though its cause was delivered for the first time', {
    handler: handler.name,
    subject: event.subject,
    id: event.id,
    cause: `${delivery.stream}:${delivery.sequence}`,
  });
}

/** Whether an earlier run may have sent the events so long ago that the streams no longer drop a repeat. */
function isLate({ handler, delivery }: Run): boolean {
  return handler.time.epochMs() - delivery.origin.storedAtMs > handler.outgoing.dropsRepeatsMs / 2;
}

/** Whether the same holds for the events of this run. */
function startedLongAgo({ handler, startedAtMs }: Run): boolean {
  return handler.time.nowMs() - startedAtMs > handler.outgoing.dropsRepeatsMs / 2;
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
  return derivedUuid(`${cause}\n${handler.plugin}.${handler.name}\n${subject}\n${ordinal}`);
}
