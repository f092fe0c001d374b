import type { MaybePromise } from '../base/maybe-promise';
import type { Delivery } from '../broker/delivery';
import type { Decoded } from './decode';
import { publish } from './dispatch';
import { dispatchBatch } from './dispatch-batch';
import type { RunRegistry } from './execution';
import type { Handler } from './handler';
import { judge } from './judge';
import type { Invalid } from './outcome';
import { pipeline } from './pipeline';
import { Run } from './run';
import { passed, type Arrived, type Ended } from './stages';
import {
  checkSettled,
  decideRun,
  decodeEvent,
  dispatchEvent,
  endTurnAlone,
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
  .step(publish)
  .conclude(measure)
  .step(judge)
  .step(decideRun)
  .step(settleRun)
  .cleanUp(endTurnAlone);

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
  return LIFE.run(arrive(handler, delivery, registry, decoded));
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
  return LIFE.runTogether(deliveries.map((delivery) => arrive(handler, delivery, registry)));
}

function arrive(handler: Handler, delivery: Delivery, registry: RunRegistry, decoded?: Decoded | Invalid): Arrived {
  return passed(new Run(handler, delivery, registry, decoded));
}
