import { all, isPromise, then, type MaybePromise } from '../base/maybe-promise';
import { mergeApplied } from './failures/applied';
import { attemptAfter, NO_FAILURES, type Failures } from './failures/attempts';
import { Batch } from './batch';
import { decode, type Decoded } from './decode';
import type { Delivery } from '../broker/delivery';
import { dispatch } from './dispatch';
import { dispatchBatch } from './dispatch-batch';
import { judge } from './judge';
import type { Execution } from './execution';
import type { Handler } from './handler';
import type { Invalid, Outcome } from './outcome';
import { Run } from './run';
import { settle, unmark } from './settle';
import { crashed, isSuspect, isUnexplained } from './failures/suspects';
import { validate } from './validate';

/** Who watches over running handlers, to prolong, time out or stop them. */
export interface RunRegistry {
  add(execution: Execution): void;
  remove(execution: Execution): void;
  /** Resolves when nothing else of the handler runs, with what ends that; with nothing when the host stops before. */
  alone(): Promise<(() => void) | undefined>;
}

/** A message in a handler's hands, with what is known of it from before. */
interface Arrival {
  readonly handler: Handler;
  readonly delivery: Delivery;
  /** Its event, where it was needed before, for its key. */
  readonly decoded: Decoded | Invalid | undefined;
  readonly failures: Failures;
  /** Whether it is on record as started. */
  readonly marked: boolean;
  /** To be called when its handler has returned: what follows is not the author's, and may take long. */
  readonly returned?: () => Promise<void>;
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
  if (isNew(delivery)) {
    return processCounted({ handler, delivery, decoded, failures: NO_FAILURES, marked: false }, runs);
  }
  return then(handler.attempts.read(delivery), (failures) => {
    const arrival = { handler, delivery, decoded, failures, marked: false };
    if (failures.buried) return conclude(arrival, { kind: 'buried-before', ...failures.buried });
    return isUnexplained(delivery, failures) ? processMarked(arrival, runs) : processCounted(arrival, runs);
  });
}

/**
 * The lives of messages that a handler takes together. One that has failed before, or at which a process
 * has died, is tried alone: if it fails again, the others of its batch shall not fail with it.
 */
export function processBatch(handler: Handler, deliveries: readonly Delivery[], runs: RunRegistry): MaybePromise<void> {
  return then(
    all(deliveries, (delivery) => unharmed(handler, delivery)),
    (arrivals) => {
      const together = arrivals.filter((arrival) => arrival !== undefined);
      const alone = deliveries.filter((_, i) => arrivals[i] === undefined);
      return then(processTogether(together, runs), () =>
        alone.length > 0 ? processAlone(handler, alone, runs) : undefined,
      );
    },
  );
}

function processTogether(arrivals: readonly Arrival[], runs: RunRegistry): MaybePromise<unknown> {
  return then(
    all(arrivals, (arrival) => receive(arrival, runs)),
    (received) => {
      const ready = arrivals.flatMap((arrival, i) => (received[i] ? [{ arrival, run: received[i] }] : []));
      if (ready.length === 0) return undefined;
      const batch = ready.map(({ run }) => run);
      return then(handleTogether(batch, runs), (outcomes) =>
        all(ready, ({ arrival, run }, i) => conclude(arrival, outcomes[i]!, run)),
      );
    },
  );
}

async function processAlone(handler: Handler, deliveries: readonly Delivery[], runs: RunRegistry): Promise<void> {
  for (const delivery of deliveries) await processMessage(handler, delivery, runs);
}

/** A message that nothing is held against; marked where it came before. */
function unharmed(handler: Handler, delivery: Delivery): MaybePromise<Arrival | undefined> {
  if (delivery.past || handler.settlements.has(delivery.sequence)) return undefined;
  const arrival = { handler, delivery, decoded: undefined, failures: NO_FAILURES, marked: false };
  return isNew(delivery) ? arrival : unharmedBefore(arrival);
}

async function unharmedBefore(arrival: Arrival): Promise<Arrival | undefined> {
  const { handler, delivery } = arrival;
  const failures = await handler.attempts.read(delivery);
  if (attemptAfter(failures) > 1 || failures.deaths > 0 || failures.buried) return undefined;
  if (!isUnexplained(delivery, failures)) return { ...arrival, failures };
  await handler.attempts.started(delivery);
  return { ...arrival, failures, marked: true, returned: () => Promise.resolve(unmark(handler, delivery)) };
}

/** It has not come before: nothing is known of it, and nothing need be asked for. */
function isNew({ deliveryCount, past }: Delivery): boolean {
  return deliveryCount === 1 && past === undefined;
}

/** A process may have died at this message: so that it shows if this one does too, it is marked while it runs. */
async function processMarked(arrival: Arrival, runs: RunRegistry): Promise<void> {
  const { handler, delivery, failures } = arrival;
  const crash = crashed(handler, failures);
  if (crash) return conclude(arrival, crash);
  const suspected = isSuspect(failures);
  const release = suspected ? await runs.alone() : undefined;
  if (suspected && !release) return conclude(arrival, { kind: 'given-back' });
  try {
    await handler.attempts.started(delivery);
    await processCounted({ ...arrival, marked: true, returned: () => unsuspect(arrival, release) }, runs);
  } finally {
    release?.();
  }
}

/** The handler has returned: if the process dies from here on, that is no death under the message. */
async function unsuspect({ handler, delivery }: Arrival, release?: () => void): Promise<void> {
  release?.();
  await unmark(handler, delivery);
}

function processCounted(arrival: Arrival, runs: RunRegistry): MaybePromise<void> {
  return then(receive(arrival, runs), (run) => run && handle(arrival, run, runs));
}

/** The message as a run with a valid event; nothing where it was none, and is settled. */
function receive(arrival: Arrival, runs: RunRegistry): MaybePromise<Run | undefined> {
  const { handler, delivery, failures, decoded = decode(delivery, handler.limits) } = arrival;
  if (decoded.kind === 'invalid') return fallOut(arrival, decoded);
  const run = new Run(handler, delivery, failures, decoded);
  run.returned = arrival.returned;
  // A schema may be the author's code as much as the handler is: the timeout holds for both.
  const valid = watched(run, runs, run.interruptible(validate(decoded, handler.contract)));
  return then(valid, (outcome) => {
    if (outcome.kind !== 'validated') return fallOut(arrival, outcome);
    run.event = outcome.event;
    return run;
  });
}

function fallOut(arrival: Arrival, outcome: Outcome): MaybePromise<undefined> {
  return then(conclude(arrival, outcome), () => undefined);
}

function handle(arrival: Arrival, run: Run, runs: RunRegistry): MaybePromise<void> {
  if (run.handler.batch) return then(handleTogether([run], runs), ([outcome]) => conclude(arrival, outcome!, run));
  let isWatched = false;
  const done = dispatch(run, (outcome) => {
    if (isWatched) runs.remove(run);
    observe(run);
    return conclude(arrival, outcome, run);
  });
  // What is done at once need not be known to anybody.
  isWatched = run.isUnderWay;
  if (isWatched) runs.add(run);
  return done;
}

function handleTogether(ready: readonly Run[], runs: RunRegistry): MaybePromise<readonly Outcome[]> {
  const batch = new Batch(ready);
  return then(watched(batch, runs, dispatchBatch(batch)), (outcomes) => {
    observe(batch);
    return outcomes;
  });
}

/** While the work is under way its execution can be interrupted; what is done at once need not be known to anybody. */
function watched<T>(execution: Execution, runs: RunRegistry, work: MaybePromise<T>): MaybePromise<T> {
  if (!isPromise(work)) return work;
  runs.add(execution);
  return work.then((result) => {
    runs.remove(execution);
    return result;
  });
}

function observe({ handler, startedAtMs, waits }: Execution): void {
  // Given back before it began, it took no time.
  if (!waits) handler.counters.observe((handler.time.nowMs() - startedAtMs) / 1_000);
}

/** What the outcome says of the handler, what becomes of the message, and its settling. */
function conclude({ handler, delivery, failures, marked }: Arrival, outcome: Outcome, run?: Run): MaybePromise<void> {
  const decision = judge(handler, delivery, failures, outcome);
  const applied = run?.hasApplied ? mergeApplied(failures.applied, run.applied) : failures.applied;
  // A run that died, or whose update was not answered, may have applied what nobody knows of.
  const unsure = failures.unsure || (run !== undefined && run.unanswered > 0) || marked;
  return settle(handler, delivery, decision, { applied, marked, unsure });
}
