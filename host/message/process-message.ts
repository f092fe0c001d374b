import { then, type MaybePromise } from '../maybe-promise';
import { mergeApplied, NO_FAILURES, type Failures } from './attempts';
import { Batch } from './batch';
import { decide } from './decide';
import { decode, type Decoded } from './decode';
import type { Delivery } from './delivery';
import { dispatch } from './dispatch';
import { dispatchBatch } from './dispatch-batch';
import type { Execution } from './execution';
import type { Handler } from './handler';
import type { Invalid, Outcome } from './outcome';
import { Run } from './run';
import { settle } from './settle';
import { crashed, isSuspect, isUnexplained } from './suspects';
import { validate } from './validate';

/** Who watches over running handlers, to prolong, time out or stop them. */
export interface RunRegistry {
  add(execution: Execution): void;
  remove(execution: Execution): void;
  /** Resolves when nothing else of the handler runs, with what ends that; with nothing when the host stops before. */
  alone(): Promise<(() => void) | undefined>;
}

/**
 * A message's life, from the pull that brought it to its settling:
 * settled before? → count → decode → validate → dispatch → judge → decide → settle.
 * What is at hand is not awaited: a message that meets no promise on its way is settled when this returns.
 * @param decoded the message's event, where it was needed before, for its key
 */
export function processMessage(
  handler: Handler,
  delivery: Delivery,
  runs: RunRegistry,
  decoded?: Decoded | Invalid,
): MaybePromise<void> {
  if (handler.settlements.has(delivery.sequence)) return settle(handler, delivery, { action: 'ack-again' });
  return then(failuresBefore(handler, delivery), (failures) =>
    isUnexplained(delivery, failures)
      ? processMarked(handler, delivery, failures, runs, decoded)
      : processCounted(handler, delivery, failures, runs, decoded),
  );
}

/**
 * The lives of messages that a handler takes together. One that came before is tried alone: if it fails
 * again, the others of its batch shall not fail with it.
 */
export async function processBatch(
  handler: Handler,
  deliveries: readonly Delivery[],
  runs: RunRegistry,
): Promise<void> {
  const together: Delivery[] = [];
  const alone: Delivery[] = [];
  for (const delivery of deliveries) {
    const came = delivery.deliveryCount > 1 || delivery.past || handler.settlements.has(delivery.sequence);
    (came ? alone : together).push(delivery);
  }
  const received = await Promise.all(together.map((delivery) => receive(handler, delivery, NO_FAILURES, runs)));
  const ready = received.filter((run) => run !== undefined);
  if (ready.length > 0) {
    const outcomes = await handleTogether(ready, runs);
    await Promise.all(ready.map((run, i) => conclude(handler, run.delivery, run.failures, outcomes[i]!, run)));
  }
  for (const delivery of alone) await processMessage(handler, delivery, runs);
}

function failuresBefore(handler: Handler, delivery: Delivery): MaybePromise<Failures> {
  const { past } = delivery;
  if (!past) return delivery.deliveryCount > 1 ? handler.attempts.read(delivery) : NO_FAILURES;
  return then(handler.attempts.read(delivery), (failures) => ({
    ...failures,
    charged: past.failures + failures.charged,
    applied: mergeApplied(past.applied, failures.applied),
  }));
}

/** A process may have died at this message: so that it shows if this one does too, it is marked while it runs. */
async function processMarked(
  handler: Handler,
  delivery: Delivery,
  failures: Failures,
  runs: RunRegistry,
  decoded: Decoded | Invalid | undefined,
): Promise<void> {
  const crash = crashed(handler, failures);
  if (crash) return conclude(handler, delivery, failures, crash);
  const suspected = isSuspect(failures);
  const release = suspected ? await runs.alone() : undefined;
  if (suspected && !release) return conclude(handler, delivery, failures, { kind: 'given-back' });
  try {
    await handler.attempts.started(delivery);
    await processCounted(handler, delivery, { ...failures, marked: true }, runs, decoded);
  } finally {
    release?.();
  }
}

function processCounted(
  handler: Handler,
  delivery: Delivery,
  failures: Failures,
  runs: RunRegistry,
  decoded: Decoded | Invalid | undefined,
): MaybePromise<void> {
  return then(receive(handler, delivery, failures, runs, decoded), (run) =>
    run === undefined
      ? undefined
      : then(handle(run, runs), (outcome) => conclude(handler, delivery, failures, outcome, run)),
  );
}

/** The message as a run with a valid event; nothing where it was none, and is settled. */
function receive(
  handler: Handler,
  delivery: Delivery,
  failures: Failures,
  runs: RunRegistry,
  decoded: Decoded | Invalid = decode(delivery, handler.limits),
): MaybePromise<Run | undefined> {
  const fallOut = (outcome: Outcome): MaybePromise<undefined> =>
    then(conclude(handler, delivery, failures, outcome), () => undefined);
  if (decoded.kind === 'invalid') return fallOut(decoded);
  const run = new Run(handler, delivery, failures, decoded);
  // A schema may be the author's code as much as the handler is: the timeout holds for both.
  const valid = watched(run, runs, run.interruptible(validate(decoded, handler.contract)));
  return then(valid, (outcome) => {
    if (outcome.kind !== 'validated') return fallOut(outcome);
    run.event = outcome.event;
    return run;
  });
}

function handle(run: Run, runs: RunRegistry): MaybePromise<Outcome> {
  if (run.handler.batch) return handleTogether([run], runs).then(([outcome]) => outcome!);
  return then(watched(run, runs, dispatch(run)), (outcome) => {
    observe(run);
    return outcome;
  });
}

async function handleTogether(ready: readonly Run[], runs: RunRegistry): Promise<readonly Outcome[]> {
  const batch = new Batch(ready);
  const outcomes = await watched(batch, runs, dispatchBatch(batch));
  observe(batch);
  return outcomes;
}

/** While the work is under way its execution can be interrupted; what is done at once need not be known to anybody. */
function watched<T>(execution: Execution, runs: RunRegistry, work: MaybePromise<T>): MaybePromise<T> {
  runs.add(execution);
  return then(work, (result) => {
    runs.remove(execution);
    return result;
  });
}

function observe({ handler, startedAtMs }: Execution): void {
  handler.counters.observe((performance.now() - startedAtMs) / 1_000);
}

/** What the outcome says of the handler, what becomes of the message, and its settling. */
function conclude(
  handler: Handler,
  delivery: Delivery,
  failures: Failures,
  outcome: Outcome,
  run?: Run,
): MaybePromise<void> {
  judge(handler, delivery, outcome);
  const decision = decide(outcome, failures, handler.retry, handler.circuit, Math.random());
  const applied = mergeApplied(failures.applied, run?.applied ?? []);
  return settle(handler, delivery, decision, { applied, marked: failures.marked === true });
}

/** Tells the circuit what the outcome says of the handler; of a bad event it says nothing. */
function judge({ circuit }: Handler, delivery: Delivery, outcome: Outcome): void {
  if (outcome.kind === 'handled') circuit.succeeded(delivery);
  else if (outcome.kind === 'failed' || outcome.kind === 'timed-out') circuit.failed(delivery, outcome.error);
}
