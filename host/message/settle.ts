import { then, type MaybePromise } from '../base/maybe-promise';
import { withCauses } from '../base/causes';
import { cut } from '../base/utf8';
import type { Delivery } from '../broker/delivery';
import { noteWorkDone } from './after-commit';
import { coordinates, forgetAttempts, unmark } from './attempt-records';
import { mayOweWork } from './commit-point';
import type { Decision } from './decide';
import type { LastFailure } from './failures/attempt-record';
import type { Handler } from './handler';
import { complete, leave, untilReleased, type LeaveResult } from './leave';
import { sendUnsent } from './outbox';
import type { Run } from './run';

/**
 * Events with a longer delay wait in the retry queue, because delayed naks count against `max_ack_pending` and would
 * block the handler's other events.
 */
const DEFER_FROM_MS = 30_000;
/** The number of characters of an error that the record of an attempt keeps. */
const MAX_ERROR = 1_000;
/** The retry delay of a message whose dead letter could not be stored. */
const NOT_STORED_DELAY_MS = 5_000;
/** The retry delay of an event that is committed and whose events could not be sent. */
const NOT_COMPLETE_DELAY_MS = 1_000;

/**
 * Carries out a decision; no other code does. The record of an attempt is stored before the nak and a dead letter
 * before the term. If the letter cannot be stored, the message is retried.
 */
export function settle(run: Run, decision: Decision): MaybePromise<void> {
  const { handler, delivery, marked } = run;
  switch (decision.action) {
    case 'ack':
      handler.counters.handled++;
      return finish(handler, delivery);
    case 'ack-again':
      return acknowledgeAgain(run);
    case 'run-again':
      return undefined;
    case 'release':
      return then(marked ? unmark(handler, delivery) : undefined, () => retryLater(delivery));
    case 'suspect':
      return suspect(handler, delivery, decision);
    case 'retry':
      return retry(run, decision);
    case 'wait':
      handler.counters.failed++;
      handler.counters.lastError = withCauses(decision.error);
      return then(marked ? unmark(handler, delivery) : undefined, () => retryLater(delivery, decision.delayMs));
    case 'dead-letter':
      return bury(run, decision);
    case 'give-up':
      return giveUp(run, decision);
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
    forgetAttempts(handler, delivery);
  });
}

/**
 * Acks an event that was settled before. If a host has died right after the commit, what it left is done first.
 * @param isRecorded whether there is a record of the event's attempts. Default: whether it is a redelivery
 */
async function acknowledgeAgain(run: Run, isRecorded?: boolean): Promise<void> {
  if (!(await isCompleted(run, complete))) return;
  run.delivery.ack();
  forgetAttempts(run.handler, run.delivery, isRecorded);
}

/** Does what is left to do for a committed event. If that fails, or the host stops, the event is delivered again. */
async function isCompleted(run: Run, work: (run: Run) => Promise<void>): Promise<boolean> {
  const { handler, delivery } = run;
  try {
    if ((await untilReleased(run, () => work(run))) !== 'released') return true;
    retryLater(delivery);
  } catch (cause) {
    handler.log.warn('events of a committed run are not sent yet, or its letter is not stored; trying again', {
      ...coordinates(handler, delivery),
      err: cause,
    });
    retryLater(delivery, NOT_COMPLETE_DELAY_MS);
  }
  return false;
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

async function retry(run: Run, decision: Decision & { action: 'retry' }): Promise<void> {
  const { handler, delivery, marked } = run;
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
      await handler.attempts.failed(delivery, lastFailure(handler, decision));
    } catch (cause) {
      handler.log.error('an attempt could not be recorded and will not count', {
        ...coordinates(handler, delivery),
        err: cause,
      });
    }
  } else if (marked) await unmark(handler, delivery);
  // Events with a key never move to the retry queue, because later events of their key would overtake them.
  const stays = decision.stays || delivery.past !== undefined || handler.key !== undefined;
  if (delayMs > DEFER_FROM_MS && !stays) await defer(run, delayMs);
  else retryLater(delivery, delayMs);
}

function lastFailure(handler: Handler, { error, delayMs }: Decision & { action: 'retry' }): LastFailure {
  const atMs = handler.time.epochMs();
  const { version, retry } = handler;
  return {
    error: cut(withCauses(error), MAX_ERROR),
    version,
    attempts: retry.attempts,
    atMs,
    nextAtMs: Math.round(atMs + delayMs),
  };
}

function retryMessage(counted: boolean, ofWork = false): string {
  if (ofWork) return 'after-commit work of a handler is not done; it is tried again';
  return counted ? 'a handler failed; the event is tried again' : 'an event is postponed';
}

/** Acks a committed event whose after-commit work has failed for good, or cannot be done any more. */
async function giveUp(run: Run, { error, attempts }: Decision & { action: 'give-up' }): Promise<void> {
  const { handler, delivery } = run;
  // A run that has failed before it reached the handler has not sent what the host that died has left.
  if (!(await isCompleted(run, sendUnsent))) return;
  handler.counters.failed++;
  handler.counters.lastError = withCauses(error);
  handler.log.error('after-commit work of a handler failed, and is not tried again; the event is settled', {
    ...coordinates(handler, delivery),
    attempts,
    err: error,
  });
  noteWorkDone(run);
  return finish(handler, delivery);
}

/** Moves the event to the retry queue. */
async function defer(run: Run, delayMs: number): Promise<void> {
  const { handler, delivery } = run;
  let result: LeaveResult;
  try {
    result = await leave(run, { to: 'retry-queue', dueAtMs: handler.time.epochMs() + delayMs });
  } catch (cause) {
    handler.log.warn('event could not be stored in the retry queue; it waits in its stream', {
      ...coordinates(handler, delivery),
      err: cause,
    });
    return retryLater(delivery, DEFER_FROM_MS);
  }
  if (result !== 'left') return hasNotLeft(run, result);
  delivery.ack();
  forgetAttempts(handler, delivery);
}

async function bury(run: Run, decision: Decision & { action: 'dead-letter' }): Promise<void> {
  const { handler, delivery } = run;
  const { reason, error, attempts } = decision;
  if (attempts > 0) handler.counters.failed++;
  handler.counters.lastError = withCauses(error);
  let result: LeaveResult;
  try {
    result = await leave(run, { to: 'dead-letter' }, decision);
  } catch (cause) {
    handler.log.error('a dead letter could not be stored; the event stays in its stream', {
      ...coordinates(handler, delivery),
      reason,
      err: cause,
    });
    return retryLater(delivery, NOT_STORED_DELAY_MS);
  }
  if (result !== 'left') return hasNotLeft(run, result);
  handler.circuit.buried(delivery);
  delivery.term(reason);
  const isRecorded = attempts > 0 || handler.commits.log !== undefined;
  forgetAttempts(handler, delivery, isRecorded || delivery.deliveryCount > 1);
}

/**
 * Ends an event that another host has settled, or releases it because this host stops. The next run of an event does the
 * after-commit work that the other host may owe.
 */
async function hasNotLeft(run: Run, result: Exclude<LeaveResult, 'left'>): Promise<void> {
  if (result === 'settled' && !mayOweWork(run)) return acknowledgeAgain(run, true);
  if (run.marked) await unmark(run.handler, run.delivery);
  retryLater(run.delivery);
}
