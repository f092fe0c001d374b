import { then, type MaybePromise } from '../maybe-promise';
import { NO_FAILURES, type Failures } from './attempts';
import { decide } from './decide';
import { decode } from './decode';
import type { Delivery } from './delivery';
import { dispatch } from './dispatch';
import type { Handler } from './handler';
import type { Invalid, Outcome } from './outcome';
import { Run } from './run';
import { settle } from './settle';
import { validate, type Validated } from './validate';

/** Who watches over running handlers, to prolong, time out or stop them. */
export interface RunRegistry {
  add(run: Run): void;
  remove(run: Run): void;
}

/**
 * A message's life, from the pull that brought it to its settling:
 * settled before? → count → decode → validate → dispatch → judge → decide → settle.
 * What is at hand is not awaited: a message that meets no promise on its way is settled when this returns.
 */
export function processMessage(handler: Handler, delivery: Delivery, runs: RunRegistry): MaybePromise<void> {
  if (handler.settlements.has(delivery.sequence)) return settle(handler, delivery, { action: 'ack-again' });
  return then(failuresBefore(handler, delivery), (failures) => {
    const attempt = failures.charged + failures.provisional + 1;
    const decoded = decode(delivery, handler.limits);
    const outcome = then(validate(decoded, handler.contract), (event) =>
      handle(handler, delivery, attempt, event, runs),
    );
    return then(outcome, (ended) => {
      judge(handler, delivery, ended);
      const decision = decide(ended, failures, handler.retry, handler.circuit, Math.random());
      return settle(handler, delivery, decision);
    });
  });
}

function failuresBefore(handler: Handler, delivery: Delivery): MaybePromise<Failures> {
  return delivery.deliveryCount > 1 ? handler.attempts.read(delivery) : NO_FAILURES;
}

/** Tells the circuit what the outcome says of the handler; of a bad event it says nothing. */
function judge({ circuit }: Handler, delivery: Delivery, outcome: Outcome): void {
  if (outcome.kind === 'handled') circuit.succeeded(delivery);
  else if (outcome.kind === 'failed' || outcome.kind === 'timed-out') circuit.failed(delivery, outcome.error);
}

function handle(
  handler: Handler,
  delivery: Delivery,
  attempt: number,
  event: Validated | Invalid,
  runs: RunRegistry,
): MaybePromise<Outcome> {
  if (event.kind === 'invalid') return event;
  const run = new Run(handler, delivery, attempt, event.decoded);
  runs.add(run);
  return then(dispatch(run, event.event), (outcome) => {
    runs.remove(run);
    handler.counters.observe((performance.now() - run.startedAtMs) / 1_000);
    return outcome;
  });
}
