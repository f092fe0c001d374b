import type { Decision } from './decide';
import { withCauses } from '../base/causes';
import { carry, mergeApplied } from './failures/applied';
import { deadLetterOf, letterRecord, retryRecord, roomForApplied } from './dead-letter';
import type { AppliedUpdate, Delivery } from '../broker/delivery';
import type { Handler } from './handler';
import { then, type MaybePromise } from '../base/maybe-promise';

/** What waits longer than this does so in a stream: delayed naks would count against `max_ack_pending` and stop the handler's other events. */
const PARK_FROM_MS = 30_000;
/** When the letter, or the record of an attempt, could not be stored: how long until the message is tried again. */
const NOT_STORED_DELAY_MS = 5_000;
/** An event leaves its stream for the retry road once. */
const PARKED = 'parked';

/** What a run has left behind. */
export interface Trace {
  /** What it and those before it have applied to stores. */
  readonly applied: readonly AppliedUpdate[];
  /** Whether it is on record as started. */
  readonly marked: boolean;
  /** Whether more may have been applied than that. */
  readonly unsure?: boolean | undefined;
}

const NO_TRACE: Trace = { applied: [], marked: false };

/**
 * Carries a decision out, and is the only place that does. The record of an attempt is stored before
 * its nak, a dead letter before its term; where that fails, the message comes again.
 */
export function settle(
  handler: Handler,
  delivery: Delivery,
  decision: Decision,
  trace: Trace = NO_TRACE,
): MaybePromise<void> {
  switch (decision.action) {
    case 'ack':
      handler.counters.handled++;
      return finish(handler, delivery);
    case 'ack-again':
      delivery.ack();
      return forgetAttempts(handler, delivery);
    case 'release':
      return then(trace.marked ? unmark(handler, delivery) : undefined, () => retryLater(delivery));
    case 'suspect':
      return suspect(handler, delivery, decision, trace);
    case 'retry':
      return retry(handler, delivery, decision, trace);
    case 'wait':
      handler.counters.failed++;
      handler.counters.lastError = withCauses(decision.error);
      return then(trace.marked ? unmark(handler, delivery) : undefined, () => retryLater(delivery, decision.delayMs));
    case 'dead-letter':
      return bury(handler, delivery, decision, trace);
  }
}

/** An event with a key is tried again in this host, any other one goes back to the server. Default: at once. */
export function retryLater(delivery: Delivery, delayMs?: number): void {
  if (delivery.retryLocally) delivery.retryLocally(delayMs);
  else delivery.nak(delayMs);
}

/** The event needs nothing more: of a redriven one the letter goes first, so that a crash in between leaves it to be tried again. */
function finish(handler: Handler, delivery: Delivery): MaybePromise<void> {
  const letter = delivery.past?.letter;
  return then(letter === undefined ? undefined : handler.deadLetters.remove(letter, delivery.origin), () => {
    handler.settlements.settle(delivery.sequence);
    delivery.ack();
    return forgetAttempts(handler, delivery);
  });
}

async function suspect(
  handler: Handler,
  delivery: Delivery,
  { error }: Decision & { action: 'suspect' },
  trace: Trace,
): Promise<void> {
  handler.counters.lastError = withCauses(error);
  handler.log.error('the process of a handler ended under an event; it comes again', {
    ...coordinates(handler, delivery),
    err: error,
  });
  try {
    await handler.attempts.died(delivery, trace.applied, trace.unsure === true);
  } catch (cause) {
    handler.log.error('the end of a process could not be recorded and will not count', {
      ...coordinates(handler, delivery),
      err: cause,
    });
  }
  retryLater(delivery);
}

async function retry(
  handler: Handler,
  delivery: Delivery,
  decision: Decision & { action: 'retry' },
  trace: Trace,
): Promise<void> {
  const { attempt, delayMs, error } = decision;
  const counted = attempt !== undefined;
  if (counted) handler.counters.failed++;
  handler.counters.retried++;
  handler.counters.lastError = withCauses(error);
  handler.log.warn(counted ? 'a handler failed; the event is tried again' : 'an event is postponed', {
    ...coordinates(handler, delivery),
    ...(counted ? { attempt, attempts: handler.retry.attempts } : {}),
    delayMs,
    err: error,
  });
  if (counted) {
    try {
      await handler.attempts.failed(delivery, trace.applied, trace.unsure === true);
    } catch (cause) {
      handler.log.error('an attempt could not be recorded and will not count', {
        ...coordinates(handler, delivery),
        err: cause,
      });
    }
  } else if (trace.marked) await unmark(handler, delivery);
  // What others of its key wait for stays where they wait; and beside the marks of what may have been applied.
  const stays = delivery.past !== undefined || handler.key !== undefined || trace.unsure;
  if (delayMs > PARK_FROM_MS && !stays) await park(handler, delivery, delayMs, trace.applied);
  else retryLater(delivery, delayMs);
}

/** The run has ended and this process lives: what comes next is no death under the message. */
export function unmark(handler: Handler, delivery: Delivery): Promise<void> {
  return handler.attempts.ended(delivery).catch((cause: unknown) => {
    handler.log.warn('the mark of a run could not be taken back; the next stop of the host may count as its crash', {
      ...coordinates(handler, delivery),
      err: cause,
    });
  });
}

/** What waits for long leaves its stream for the retry road, with what is known of it. */
async function park(
  handler: Handler,
  delivery: Delivery,
  delayMs: number,
  applied: readonly AppliedUpdate[],
): Promise<void> {
  try {
    const { charged, provisional, outages } = await handler.attempts.read(delivery);
    const record = retryRecord(handler.plugin, handler.name, delivery.origin, PARKED);
    const updates = await carry(applied, record, handler.texts, roomForApplied(delivery));
    await handler.retryQueue.defer({
      plugin: handler.plugin,
      handler: handler.name,
      origin: delivery.origin,
      subject: delivery.subject,
      payload: delivery.payload,
      headers: delivery.headers(),
      repeated: delivery.repeatedHeaders(),
      dueAtMs: handler.time.epochMs() + delayMs,
      past: { failures: charged, provisional, outages, ...updates },
      pass: PARKED,
    });
  } catch (cause) {
    handler.log.warn('an event could not be parked; it waits where it is', {
      ...coordinates(handler, delivery),
      err: cause,
    });
    retryLater(delivery, PARK_FROM_MS);
    return;
  }
  handler.settlements.settle(delivery.sequence);
  delivery.ack();
  await forgetAttempts(handler, delivery);
}

async function bury(
  handler: Handler,
  delivery: Delivery,
  decision: Decision & { action: 'dead-letter' },
  trace: Trace,
): Promise<void> {
  const { reason, error, attempts } = decision;
  if (attempts > 0) handler.counters.failed++;
  handler.counters.lastError = withCauses(error);
  try {
    // What was decided is not decided anew: whoever gets it next, if this process dies, does no more than this.
    if (attempts > 0) await handler.attempts.bury(delivery, decision);
    const found = trace.unsure ? await handler.findApplied(delivery.sequence) : [];
    const applied = mergeApplied(trace.applied, found);
    const record = letterRecord(handler.plugin, handler.name, delivery.origin);
    const updates = await carry(applied, record, handler.texts, roomForApplied(delivery));
    await handler.deadLetters.store(
      deadLetterOf(handler, delivery, { ...decision, ...updates }, new Date(handler.time.epochMs())),
    );
  } catch (cause) {
    handler.log.error('a dead letter could not be stored; the event stays in its stream', {
      ...coordinates(handler, delivery),
      reason,
      err: cause,
    });
    retryLater(delivery, NOT_STORED_DELAY_MS);
    return;
  }
  handler.counters.deadLettered++;
  handler.log.error('an event is dead-lettered', { ...coordinates(handler, delivery), reason, attempts, err: error });
  handler.settlements.settle(delivery.sequence);
  handler.circuit.buried(delivery);
  delivery.term(reason);
  await forgetAttempts(handler, delivery, attempts > 0 || delivery.deliveryCount > 1);
}

/** Only a message that came before can have a record. */
function forgetAttempts(handler: Handler, delivery: Delivery, has = delivery.deliveryCount > 1): MaybePromise<void> {
  const record = delivery.past?.appliedIn;
  if (!has && record === undefined) return undefined;
  const forgotten = handler.attempts.forget(delivery).catch((cause: unknown) => {
    handler.log.warn('the record of an attempt could not be removed', {
      ...coordinates(handler, delivery),
      err: cause,
    });
  });
  return record === undefined ? forgotten : forgotten.then(() => forgetPast(handler, delivery, record));
}

/** What its runs had applied before is needed for as long as the event could come again. */
async function forgetPast({ settlements, texts }: Handler, delivery: Delivery, record: string): Promise<void> {
  await settlements.flush();
  if (settlements.isStored(delivery.sequence)) await texts.remove(record);
}

function coordinates(handler: Handler, delivery: Delivery): object {
  return {
    handler: handler.name,
    subject: delivery.subject,
    stream: delivery.stream,
    sequence: delivery.sequence,
  };
}
