import type { Decision } from './decide';
import { withCauses } from '../base/causes';
import { deadLetterOf } from './dead-letter';
import type { Delivery } from '../broker/delivery';
import type { Handler } from './handler';
import { then, type MaybePromise } from '../base/maybe-promise';

/**
 * Events with a longer delay wait in the retry queue, because delayed naks count against `max_ack_pending` and would
 * block the handler's other events.
 */
const DEFER_FROM_MS = 30_000;
/** The retry delay of a message whose dead letter could not be stored. */
const NOT_STORED_DELAY_MS = 5_000;
/** The `pass` of an event that moves from its own stream to the retry queue. Stored names contain it. */
const DEFERRED = 'parked';

/**
 * Carries out a decision; no other code does. The record of an attempt is stored before the nak and a dead letter
 * before the term. If the letter cannot be stored, the message is retried.
 * @param isMarked whether the start of the run is recorded
 */
export function settle(handler: Handler, delivery: Delivery, decision: Decision, isMarked = false): MaybePromise<void> {
  switch (decision.action) {
    case 'ack':
      handler.counters.handled++;
      return finish(handler, delivery);
    case 'ack-again':
      delivery.ack();
      return forgetAttempts(handler, delivery);
    case 'run-again':
      return undefined;
    case 'release':
      return then(isMarked ? unmark(handler, delivery) : undefined, () => retryLater(delivery));
    case 'suspect':
      return suspect(handler, delivery, decision);
    case 'retry':
      return retry(handler, delivery, decision, isMarked);
    case 'wait':
      handler.counters.failed++;
      handler.counters.lastError = withCauses(decision.error);
      return then(isMarked ? unmark(handler, delivery) : undefined, () => retryLater(delivery, decision.delayMs));
    case 'dead-letter':
      return bury(handler, delivery, decision);
    case 'give-up':
      return giveUp(handler, delivery, decision);
  }
}

/** Retries an event with a key in this host, and nacks any other event. Without `delayMs` there is no delay. */
export function retryLater(delivery: Delivery, delayMs?: number): void {
  if (delivery.retryLocally) delivery.retryLocally(delayMs);
  else delivery.nak(delayMs);
}

/**
 * Acks a handled event. Removes the letter of a redriven event first, so that the event is retried after a crash in
 * between.
 */
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
): Promise<void> {
  handler.counters.lastError = withCauses(error);
  handler.log.error('plugin process ended while it handled an event; the event is tried again', {
    ...coordinates(handler, delivery),
    err: error,
  });
  try {
    await handler.attempts.died(delivery);
  } catch (cause) {
    handler.log.error('end of a plugin process could not be recorded and will not count', {
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
  isMarked: boolean,
): Promise<void> {
  const { attempt, delayMs, error, ofWork } = decision;
  const counted = attempt !== undefined;
  if (counted) handler.counters.failed++;
  handler.counters.retried++;
  handler.counters.lastError = withCauses(error);
  handler.log.warn(retryMessage(counted, ofWork), {
    ...coordinates(handler, delivery),
    ...(counted ? { attempt, attempts: handler.retry.attempts } : {}),
    delayMs,
    err: error,
  });
  if (counted) {
    try {
      await handler.attempts.failed(delivery);
    } catch (cause) {
      handler.log.error('an attempt could not be recorded and will not count', {
        ...coordinates(handler, delivery),
        err: cause,
      });
    }
  } else if (isMarked) await unmark(handler, delivery);
  // Events with a key never move to the retry queue, because later events of their key would overtake them.
  const stays = decision.stays || delivery.past !== undefined || handler.key !== undefined;
  if (delayMs > DEFER_FROM_MS && !stays) await defer(handler, delivery, delayMs);
  else retryLater(delivery, delayMs);
}

function retryMessage(counted: boolean, ofWork = false): string {
  if (ofWork) return 'after-commit work of a handler is not done; it is tried again';
  return counted ? 'a handler failed; the event is tried again' : 'an event is postponed';
}

function giveUp(
  handler: Handler,
  delivery: Delivery,
  { error, attempts }: Decision & { action: 'give-up' },
): MaybePromise<void> {
  handler.counters.failed++;
  handler.counters.lastError = withCauses(error);
  handler.log.error('after-commit work of a handler failed, and is not tried again; the event is settled', {
    ...coordinates(handler, delivery),
    attempts,
    err: error,
  });
  return finish(handler, delivery);
}

/** Removes the mark of a run that has ended, because a later death of this process is not the message's fault. */
export function unmark(handler: Handler, delivery: Delivery): Promise<void> {
  return handler.attempts.ended(delivery).catch((cause: unknown) => {
    handler.log.warn('mark of a run could not be removed; the next stop of the host may count as its crash', {
      ...coordinates(handler, delivery),
      err: cause,
    });
  });
}

/** Moves the event to the retry queue, with its failures. */
async function defer(handler: Handler, delivery: Delivery, delayMs: number): Promise<void> {
  try {
    const { charged, provisional, outages } = await handler.attempts.read(delivery);
    await handler.retryQueue.defer({
      plugin: handler.plugin,
      handler: handler.name,
      origin: delivery.origin,
      subject: delivery.subject,
      payload: delivery.payload,
      headers: delivery.headers(),
      repeated: delivery.repeatedHeaders(),
      dueAtMs: handler.time.epochMs() + delayMs,
      past: { failures: charged, provisional, outages },
      pass: DEFERRED,
    });
  } catch (cause) {
    handler.log.warn('event could not be stored in the retry queue; it waits in its stream', {
      ...coordinates(handler, delivery),
      err: cause,
    });
    retryLater(delivery, DEFER_FROM_MS);
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
): Promise<void> {
  const { reason, error, attempts } = decision;
  if (attempts > 0) handler.counters.failed++;
  handler.counters.lastError = withCauses(error);
  try {
    // The decision is recorded first, so that the next process stores the letter and does not run the handler again.
    if (attempts > 0) await handler.attempts.bury(delivery, decision);
    await handler.deadLetters.store(deadLetterOf(handler, delivery, decision, new Date(handler.time.epochMs())));
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

/** Removes the record of the message's attempts, which only a failed or a redelivered message has. */
function forgetAttempts(handler: Handler, delivery: Delivery, has = delivery.deliveryCount > 1): MaybePromise<void> {
  if (!has) return undefined;
  return handler.attempts.forget(delivery).catch((cause: unknown) => {
    handler.log.warn('the record of an attempt could not be removed', {
      ...coordinates(handler, delivery),
      err: cause,
    });
  });
}

function coordinates(handler: Handler, delivery: Delivery): object {
  return {
    handler: handler.name,
    subject: delivery.subject,
    stream: delivery.stream,
    sequence: delivery.sequence,
  };
}
