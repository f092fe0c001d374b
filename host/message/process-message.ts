import { then, type MaybePromise } from '../maybe-promise';
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
 * count → decode → validate → dispatch → decide → settle.
 * What is at hand is not awaited: a message that meets no promise on its way is settled when this returns.
 */
export function processMessage(handler: Handler, delivery: Delivery, runs: RunRegistry): MaybePromise<void> {
  return then(failuresBefore(handler, delivery), (failures) => {
    const attempt = failures + 1;
    const decoded = decode(delivery, handler.limits);
    const outcome = then(validate(decoded, handler.contract), (event) =>
      handle(handler, delivery, attempt, event, runs),
    );
    return then(outcome, (ended) => settle(handler, delivery, decide(ended, attempt, handler.retry, Math.random())));
  });
}

function failuresBefore(handler: Handler, delivery: Delivery): MaybePromise<number> {
  return delivery.deliveryCount > 1 ? handler.attempts.failures(delivery) : 0;
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
