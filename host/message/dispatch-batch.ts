import { isBatchFailure, JetplugError } from '../../sdk/internal';
import { AlreadySettled } from '../effects/write-batch';
import { all, isPromise, then, type MaybePromise } from '../maybe-promise';
import { RunBatchContext, type Batch } from './batch';
import { logLate, outcomeOfError, sent } from './dispatch';
import type { Outcome } from './outcome';
import { within, type Run } from './run';

/**
 * Calls the handler with all events of the batch and says how it ended for each of them. Never throws.
 * The sweep interrupts a call whose time is up: that is then the outcome of each event.
 */
export function dispatchBatch(batch: Batch): MaybePromise<readonly Outcome[]> {
  return then(batch.interruptible(call(batch)), (ended) =>
    Array.isArray(ended) ? ended : batch.runs.map(() => ended),
  );
}

function call(batch: Batch): MaybePromise<Outcome[] | Outcome> {
  let working: Promise<unknown> | undefined;
  try {
    const result = within(batch, () => batch.handler.invoke(batch.events, new RunBatchContext(batch)));
    // What only has a `then` is made to keep a promise's rules.
    if (isPromise(result)) working = Promise.resolve(result);
  } catch (thrown) {
    return failed(batch, thrown);
  }
  if (!working) return returned(batch);
  return working.then(
    () => returned(batch),
    (thrown: unknown) => failed(batch, thrown),
  );
}

function returned(batch: Batch): MaybePromise<Outcome[] | Outcome> {
  // Ended from outside before: nothing is sent, and nobody waits for these outcomes.
  if (batch.isOver) return [];
  batch.end();
  return batch.afterwards(all(batch.runs, (run) => sent(run)));
}

function failed(batch: Batch, thrown: unknown): MaybePromise<Outcome[] | Outcome> {
  if (batch.isOver) {
    logLate(batch.handler, thrown);
    return [];
  }
  batch.end();
  const failure = checked(batch, thrown);
  return batch.afterwards(all(batch.runs, (run, i) => outcomeOf(run, i, failure)));
}

/** A `BatchFailure` that names no event of the batch would leave the others handled that it may have meant. */
function checked({ runs, handler }: Batch, thrown: unknown): unknown {
  if (!isBatchFailure(thrown)) return thrown;
  const { failures } = thrown;
  const isOne = (index: unknown): boolean => Number.isInteger(index) && runs[index as number] !== undefined;
  if (failures.length > 0 && failures.every(({ index }) => isOne(index))) return thrown;
  const named = failures.map(({ index }) => String(index)).join(', ') || 'none';
  const message = `${handler.plugin}.${handler.name} threw a BatchFailure for the events ${named} of a batch of ${runs.length}`;
  return new JetplugError('JP_BATCH_FAILURE_INVALID', message, { plugin: handler.plugin, ...handler.where });
}

/** Of a batch that failed: an event that is not named as failed has been handled. */
function outcomeOf(run: Run, index: number, thrown: unknown): MaybePromise<Outcome> {
  if (isBatchFailure(thrown)) {
    const failure = thrown.failures.find((one) => one.index === index);
    return failure ? outcomeOfError(run.handler, failure.error) : sent(run);
  }
  // Which event it was is known by its update alone; the others were just in the same batch.
  if (thrown instanceof AlreadySettled && thrown.sequence !== run.delivery.sequence) {
    return { kind: 'unavailable', error: interrupted(run) };
  }
  return outcomeOfError(run.handler, thrown);
}

function interrupted({ handler }: Run): Error {
  const message = `a batch of ${handler.plugin}.${handler.name} held an event that another host had settled`;
  return new JetplugError('JP_STORE_UNAVAILABLE', message, { plugin: handler.plugin });
}
