/** The steps of a message's life, in their order. Each step connects the run to one part of the host. */
import { isPromise, type MaybePromise } from '../base/maybe-promise';
import { dropWork } from './after-commit';
import { decide, decideCommitted, type Decision } from './decide';
import { decode } from './decode';
import { dispatch } from './dispatch';
import { dispatchBatch } from './dispatch-batch';
import type { Endings, Execution } from './execution';
import { attemptAfter } from './failures/failures';
import { crashed, isSuspect, isUnexplained } from './failures/suspects';
import { EXCUSED_DELAY_MS } from './judge';
import { Later } from './later';
import { RELEASED, SETTLED_BEFORE, type Invalid } from './outcome';
import { eventOf, type Run } from './run';
import { settle } from './settle';
import {
  end,
  passed,
  type Arrived,
  type Counted,
  type Decided,
  type Decoded,
  type Ended,
  type Judged,
  type Marked,
  type Measured,
  type Returned,
  type Settled,
  type Unsettled,
  type Validated,
} from './stages';
import { errorOfThrown } from './thrown-outcome';
import { endSpan, settleTraced } from './trace-run';
import { validateStored } from './upcast';
import type { Validated as ValidEvent } from './validate';

/**
 * Ends the run of a message that a host has settled before. Its ack was lost, so it is acknowledged again. If its
 * after-commit work is not done, the run repeats the handler to get the work.
 */
export function checkSettled(run: Arrived): Unsettled | Ended | Later<Unsettled | Ended> {
  const { settlements, commits } = run.handler;
  if (!settlements.has(run.delivery.sequence) || !settlements.commitReads.areLate) return checkOwed(run);
  if (isReleased(run)) return end(run, RELEASED);
  // The log says what the host that has settled the event has left to do.
  return run.interruptible(
    settlements.commitReads.catchUp(() => commits.refresh()),
    READ_LOG,
  );
}

const READ_LOG: Endings<Arrived, void, Unsettled | Ended> = {
  done: checkOwed,
  failed: (run, thrown) => end(run, { kind: 'unavailable', error: errorOfThrown(run.handler, thrown) }),
  interrupted: end,
};

function checkOwed(run: Arrived): Unsettled | Ended {
  const { handler, delivery } = run;
  const { log } = handler.commits;
  if (log && !log.folded.parts.isEmpty) run.past = log.folded.parts.of(eventOf(run));
  if (!handler.settlements.has(delivery.sequence)) return passed(run);
  run.owesWork = run.past.length > 0;
  return run.owesWork ? passed(run) : end(run, SETTLED_BEFORE);
}

/** Reads the message's earlier failures. A first delivery has none, so nothing is read from the broker. */
export function readFailures(run: Unsettled): MaybePromise<Counted | Ended> {
  const { deliveryCount, past } = run.delivery;
  if (deliveryCount === 1 && past === undefined) return passed(run);
  if (isReleased(run)) return end(run, RELEASED);
  const read = run.handler.attempts.read(run.delivery);
  return isPromise(read) ? read.then((failures) => countFailures(run, failures)) : countFailures(run, read);
}

/** Whether a stop has released the run, or another host gets its event. */
function isReleased({ registry, delivery }: Pick<Run, 'registry' | 'delivery'>): boolean {
  return registry.isReleased || delivery.isDropped === true;
}

function countFailures(run: Unsettled, failures: Run['failures']): Counted | Ended {
  run.failures = failures;
  // Another host has handled an event that owes work, although this one had given it up.
  return failures.buried && !run.owesWork ? end(run, { kind: 'buried-before', ...failures.buried }) : passed(run);
}

/** Whether an event must not run in a batch with others. */
export function hasFailedBefore({ delivery, failures, past }: Counted): boolean {
  return past.length > 0 || delivery.past !== undefined || attemptAfter(failures) > 1 || failures.deaths > 0;
}

/**
 * Marks a message that is redelivered for no known reason, because a process may have died while it ran the message.
 * The mark is still there if this process dies too. A message under which many processes have died runs alone.
 */
export function markSuspect(run: Counted): MaybePromise<Marked | Ended> {
  return isUnexplained(run.delivery, run.failures) ? mark(run) : passed(run);
}

async function mark(run: Counted): Promise<Marked | Ended> {
  const { handler, delivery, failures, registry } = run;
  if (isReleased(run)) return end(run, RELEASED);
  const crash = crashed(handler, failures);
  if (crash) return end(run, crash);
  if (isSuspect(failures)) {
    // The runs that must end first may wait for keys that are locked for this one, if it starts again.
    if (run.hasTransaction) handler.commits.log?.transactions.release(run.transaction);
    run.endTurnAlone = await registry.alone();
    if (!run.endTurnAlone) return end(run, RELEASED);
  }
  await handler.attempts.started(delivery);
  run.marked = true;
  return passed(run);
}

export function decodeEvent(run: Marked): Decoded | Ended {
  const decoded = run.decodedBefore ?? decode(run.delivery, run.handler.limits);
  if (decoded.kind === 'invalid') return end(run, decoded);
  run.decoded = decoded;
  return passed(run);
}

/**
 * Validates the event, unless a stop has released the run while the steps before waited for the broker. The handler's
 * timeout covers the schema too, because the schema may be the plugin's own code.
 */
export function validateEvent(run: Decoded): Validated | Ended | Later<Validated | Ended> {
  if (isReleased(run)) return end(run, RELEASED);
  run.begin();
  const valid = validateStored(run.decoded, run.handler.contract);
  return isPromise(valid) ? run.interruptible(valid, VALIDATION) : acceptEvent(run, valid);
}

const VALIDATION: Endings<Decoded, ValidEvent | Invalid, Validated | Ended> = {
  done: acceptEvent,
  failed: (_run, thrown) => {
    throw thrown;
  },
  interrupted: end,
};

function acceptEvent(run: Decoded, valid: ValidEvent | Invalid): Validated | Ended {
  if (valid.kind === 'invalid') return end(run, valid);
  run.event = valid.event;
  return passed(run);
}

/**
 * Calls the handler. A batch handler gets an event that runs alone as a batch of one. If parts of the event are committed,
 * the handler sees the texts in them that it saw before.
 */
export function dispatchEvent(run: Validated): Returned | Ended | Later<Returned | Ended> {
  if (run.past.length > 0) run.transaction.repeated = run.past[0];
  if (!run.handler.batch) return dispatch(run);
  const called = dispatchBatch([run]);
  return called instanceof Later ? (called as Later<unknown> as Later<Returned | Ended>) : passed(run);
}

/**
 * Counts the handler's call and its duration, once for a batch, and the wait of each event. A run without a valid event
 * made no call.
 */
export function measure(run: Ended): Measured {
  if (run.event === undefined) return passed(run);
  const call = run.batch ?? run;
  call.measure();
  measureWait(run, call);
  const { telemetry } = run.handler;
  if (telemetry) endSpan(run, telemetry);
  return passed(run);
}

/**
 * Counts how long the event waited from its storing to the start of its run. A redelivery does not count, nor a deferred
 * event: their time includes the delays of the retries. A run that starts again is counted when it has ended.
 */
function measureWait({ delivery, outcome, handler }: Ended, call: Execution): void {
  if (delivery.deliveryCount > 1 || delivery.past !== undefined || call.waits || outcome.kind === 'conflict') return;
  handler.counters.waits.started(delivery.storedAtMs, call.startedAtMs, handler.time);
}

export function decideRun(run: Judged): Decided {
  const { outcome, excused, failures, handler } = run;
  const decision: Decision = excused
    ? { action: 'wait', delayMs: EXCUSED_DELAY_MS, error: excused }
    : decide(outcome, failures, handler.retry, handler.circuit, (handler.random ?? Math.random)());
  const hasCommitted = run.owesWork || run.passed > 0 || run.past.length > 0;
  run.decision = hasCommitted ? decideCommitted(decision, run.owesWork) : decision;
  return passed(run);
}

export function settleRun(run: Decided): MaybePromise<Settled> {
  const { telemetry } = run.handler;
  return telemetry ? settleTraced(run, telemetry, () => carryOut(run)) : carryOut(run);
}

function carryOut(run: Decided): MaybePromise<Settled> {
  const settled = settle(run, run.decision);
  return isPromise(settled) ? settled.then(() => passed(run)) : passed(run);
}

/**
 * Lets the handler's other events run again. Drops after-commit work that was not done, and releases the keys of a run
 * that does not start again.
 */
export function endTurn(run: Arrived): void {
  dropWork(run);
  run.endTurnAlone?.();
  if (run.hasTransaction && run.outcome?.kind !== 'conflict')
    run.handler.commits.log?.transactions.endRun(run.transaction);
}
