import { then, type MaybePromise } from '../maybe-promise';
import { mergeApplied, NO_FAILURES, type Failures } from './attempts';
import { decide } from './decide';
import { decode } from './decode';
import type { AppliedUpdate, Delivery } from './delivery';
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
  if (handler.settlements.has(delivery.sequence)) return settle(handler, delivery, { action: 'ack-again' }, []);
  return then(failuresBefore(handler, delivery), (failures) => {
    const attempt = failures.charged + failures.provisional + 1;
    const decoded = decode(delivery, handler.limits);
    const handled = then(validate(decoded, handler.contract), (event) =>
      handle(handler, delivery, attempt, event, runs),
    );
    return then(handled, ({ outcome, applied }) => {
      judge(handler, delivery, outcome);
      const decision = decide(outcome, failures, handler.retry, handler.circuit, Math.random());
      return settle(handler, delivery, decision, mergeApplied(failures.applied, applied));
    });
  });
}

function failuresBefore(handler: Handler, delivery: Delivery): MaybePromise<Failures> {
  const { past } = delivery;
  if (!past) return delivery.deliveryCount > 1 ? handler.attempts.read(delivery) : NO_FAILURES;
  return then(handler.attempts.read(delivery), ({ charged, provisional, applied }) => ({
    charged: past.failures + charged,
    provisional,
    applied: mergeApplied(past.applied, applied),
  }));
}

/** Tells the circuit what the outcome says of the handler; of a bad event it says nothing. */
function judge({ circuit }: Handler, delivery: Delivery, outcome: Outcome): void {
  if (outcome.kind === 'handled') circuit.succeeded(delivery);
  else if (outcome.kind === 'failed' || outcome.kind === 'timed-out') circuit.failed(delivery, outcome.error);
}

/** How a run ended, and what it had applied to stores by then. */
interface Handled {
  readonly outcome: Outcome;
  readonly applied: readonly AppliedUpdate[];
}

function handle(
  handler: Handler,
  delivery: Delivery,
  attempt: number,
  event: Validated | Invalid,
  runs: RunRegistry,
): MaybePromise<Handled> {
  if (event.kind === 'invalid') return { outcome: event, applied: [] };
  const run = new Run(handler, delivery, attempt, event.decoded);
  runs.add(run);
  return then(dispatch(run, event.event), (outcome) => {
    runs.remove(run);
    handler.counters.observe((performance.now() - run.startedAtMs) / 1_000);
    return { outcome, applied: run.applied };
  });
}
