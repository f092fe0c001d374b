import { then, type MaybePromise } from '../base/maybe-promise';
import type { Delivery } from '../broker/delivery';
import type { Decoded } from './decode';
import { AnsweredDelivery } from './answered-delivery';
import { doAfterCommitWork } from './after-commit';
import { commit, commitBatch } from './commit';
import { dispatchBatch } from './dispatch-batch';
import type { RunRegistry } from './execution';
import type { Handler } from './handler';
import { judge } from './judge';
import { sendEmits } from './outbox';
import type { Invalid } from './outcome';
import { pipeline } from './pipeline';
import { recordRun } from './record-run';
import { Run } from './run';
import { passed, type Arrived, type Ended } from './stages';
import {
  checkSettled,
  decideRun,
  decodeEvent,
  dispatchEvent,
  endTurn,
  hasFailedBefore,
  markSuspect,
  measure,
  readFailures,
  settleRun,
  validateEvent,
} from './steps';

/**
 * A message's life, from its arrival to its settlement. Once a run has its outcome, the steps before `measure` skip the
 * run. A batch passes the same steps, with one dispatch for all of its events.
 */
const LIFE = pipeline<Arrived, Ended>()
  .step(checkSettled)
  .step(readFailures)
  .apart(hasFailedBefore)
  .step(markSuspect)
  .step(decodeEvent)
  .step(validateEvent)
  .joint(dispatchEvent, dispatchBatch)
  .joint(commit, commitBatch)
  .step(sendEmits)
  .step(doAfterCommitWork)
  .conclude(measure)
  .step(judge)
  .step(decideRun)
  .step(settleRun)
  .step(recordRun)
  .cleanUp(endTurn);

/**
 * Processes one delivery. If no step needs a promise, the delivery is settled when the call returns. Throws or rejects
 * only if the broker or the host fails; the message is then not settled.
 * @param decoded the delivery's event, if the intake decoded it for its key
 */
export function processMessage(
  handler: Handler,
  delivery: Delivery,
  registry: RunRegistry,
  decoded?: Decoded | Invalid,
): MaybePromise<void> {
  return processRun(arrive(handler, delivery, registry, decoded));
}

/**
 * Processes deliveries that a handler takes together. A message that failed before, or under which a process died, is
 * retried alone after the others, so that they do not fail with it if it fails again.
 */
export function processBatch(
  handler: Handler,
  deliveries: readonly Delivery[],
  registry: RunRegistry,
): MaybePromise<void> {
  return processRuns(deliveries.map((delivery) => arrive(handler, delivery, registry)));
}

function processRun(run: Arrived): MaybePromise<void> {
  return then(LIFE.run(run), () => (hasConflict(run) ? runAgain([run], ([again]) => processRun(again!)) : undefined));
}

function processRuns(runs: readonly Arrived[]): MaybePromise<void> {
  return then(LIFE.runTogether(runs), (apart) => {
    const conflicts = runs.filter(hasConflict);
    const again = conflicts.length > 0 ? runAgain(conflicts, processRuns) : undefined;
    return then(again, () => (apart.length > 0 ? processOneByOne(apart) : undefined));
  });
}

/** A run that has a conflict keeps its keys locked, so it starts again before the next run, which may wait for them. */
async function processOneByOne(runs: readonly Arrived[]): Promise<void> {
  for (const run of runs) await processRun(run);
}

function hasConflict({ outcome }: Arrived): boolean {
  return outcome?.kind === 'conflict';
}

/**
 * Starts runs again, from the first step, because a value that they have read has changed. Their keys are locked in this
 * host, so only another host can cause the next conflict.
 */
async function runAgain(
  runs: readonly Arrived[],
  process: (again: readonly Arrived[]) => MaybePromise<void>,
): Promise<void> {
  const [{ handler, registry, hasTransaction, transaction }] = runs as [Arrived];
  const transactions = hasTransaction ? handler.commits.log!.transactions : undefined;
  // An event that another host has settled has no conflict: its run reads what is left to do.
  const conflicts = runs.filter(({ delivery }) => !handler.settlements.has(delivery.sequence)).length;
  if (conflicts > 0) handler.counters.conflicted(conflicts, transactions?.staleKey(transaction));
  // A call that waits for its permit holds no lock, because calls with a permit may wait for the lock.
  if (hasTransaction) transactions?.release(transaction);
  await registry.whenFree();
  await transactions?.prepareAgain(transaction);
  await process(runs.map((run) => passed<Arrived>(run.again())));
}

function arrive(handler: Handler, delivery: Delivery, registry: RunRegistry, decoded?: Decoded | Invalid): Arrived {
  const answered = handler.telemetry ? new AnsweredDelivery(delivery) : delivery;
  return passed(new Run(handler, answered, registry, decoded));
}
