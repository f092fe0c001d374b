import { then, type MaybePromise } from '../maybe-promise';
import { mergeApplied } from './applied';
import { NO_FAILURES, type Failures } from './attempts';
import { decide } from './decide';
import { decode } from './decode';
import type { Delivery } from './delivery';
import { dispatch } from './dispatch';
import type { Handler } from './handler';
import type { Invalid, Outcome } from './outcome';
import { Run } from './run';
import { settle } from './settle';
import { validate } from './validate';

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
  if (handler.settlements.has(delivery.sequence)) return settle(handler, delivery, { action: 'ack-again' }, []);
  return then(failuresBefore(handler, delivery), (failures) => {
    const attempt = failures.charged + failures.provisional + 1;
    const decoded = decode(delivery, handler.limits);
    const run = decoded.kind === 'invalid' ? undefined : new Run(handler, delivery, attempt, decoded, failures.applied);
    const ended = run ? handle(run, runs) : (decoded as Invalid);
    return then(ended, (outcome) => {
      judge(handler, delivery, outcome);
      const decision = decide(outcome, failures, handler.retry, handler.circuit, Math.random());
      return settle(handler, delivery, decision, mergeApplied(failures.applied, run?.applied ?? []));
    });
  });
}

function failuresBefore(handler: Handler, delivery: Delivery): MaybePromise<Failures> {
  return delivery.deliveryCount > 1 || delivery.past ? handler.attempts.read(delivery) : NO_FAILURES;
}

/** Tells the circuit what the outcome says of the handler; of a bad event it says nothing. */
function judge({ circuit }: Handler, delivery: Delivery, outcome: Outcome): void {
  if (outcome.kind === 'handled') circuit.succeeded(delivery);
  else if (outcome.kind === 'failed' || outcome.kind === 'timed-out') circuit.failed(delivery, outcome.error);
}

/** A schema may be the author's code as much as the handler is: the run's timeout holds for both. */
function handle(run: Run, runs: RunRegistry): MaybePromise<Outcome> {
  const { handler, decoded } = run;
  runs.add(run);
  const event = run.interruptible(validate(decoded, handler.contract));
  const outcome = then(event, (valid) => (valid.kind === 'validated' ? dispatch(run, valid.event) : valid));
  return then(outcome, (ended) => {
    runs.remove(run);
    if (ended.kind !== 'invalid') handler.counters.observe((performance.now() - run.startedAtMs) / 1_000);
    return ended;
  });
}
