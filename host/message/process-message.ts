import { then, type MaybePromise } from '../maybe-promise';
import { decide } from './decide';
import { decode } from './decode';
import type { Delivery } from './delivery';
import { dispatch } from './dispatch';
import type { Handler } from './handler';
import type { Outcome } from './outcome';
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
 * count → decode → validate → dispatch → decide → settle.
 * What is at hand is not awaited: a message that meets no promise on its way is settled when this returns.
 */
export function processMessage(handler: Handler, delivery: Delivery, runs: RunRegistry): MaybePromise<void> {
  return then(failuresBefore(handler, delivery), (failures) => {
    const attempt = failures + 1;
    const decoded = decode(delivery, handler.limits);
    const outcome = decoded.kind === 'invalid' ? decoded : handle(new Run(handler, delivery, attempt, decoded), runs);
    return then(outcome, (ended) => settle(handler, delivery, decide(ended, attempt, handler.retry, Math.random())));
  });
}

function failuresBefore(handler: Handler, delivery: Delivery): MaybePromise<number> {
  return delivery.deliveryCount > 1 ? handler.attempts.failures(delivery) : 0;
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
