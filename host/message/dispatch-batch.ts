import { JetplugError } from '../../sdk/internal';
import { all, then, type MaybePromise } from '../base/maybe-promise';
import { promiseOf, whenSettled } from '../base/promises';
import { RunBatchContext, type Batch } from './batch';
import { logLate, outcomeOf, outcomeOfThrown, sent } from './dispatch';
import { lazyResultError } from './lazy-result';
import type { Outcome } from './outcome';
import { readThrown, type ThrownRecord } from './read-thrown';
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
  let result: unknown;
  try {
    result = within(batch, () => batch.handler.invoke(batch.events, new RunBatchContext(batch)));
    working = promiseOf(result);
  } catch (thrown) {
    return failed(batch, thrown);
  }
  if (!working) return returned(batch, result);
  return whenSettled(
    working,
    (value) => returned(batch, value),
    (thrown) => failed(batch, thrown),
  );
}

function returned(batch: Batch, value: unknown): MaybePromise<Outcome[] | Outcome> {
  // Ended from outside before: nothing is sent, and nobody waits for these outcomes.
  if (batch.isOver) return [];
  const lazy = lazyResultError(batch.handler, value);
  if (lazy) return failed(batch, lazy);
  batch.end();
  return batch.afterwards(all(batch.runs, (run) => sent(run)));
}

function failed(batch: Batch, thrown: unknown): MaybePromise<Outcome[] | Outcome> {
  if (batch.isOver) {
    logLate(batch.handler, thrown);
    return [];
  }
  batch.end();
  const record = readThrown(thrown);
  if (record.kind !== 'batch') {
    return batch.afterwards(all(batch.runs, (run) => outcomeOfAll(run, record, thrown, batch)));
  }
  const wrong = whyWrong(batch, record);
  if (wrong) return batch.afterwards(all(batch.runs, () => ({ kind: 'failed', error: wrong }) as const));
  return batch.afterwards(all(batch.runs, (run, i) => outcomeOfOne(run, i, record)));
}

const MAX_NAMED = 20;

/** A `BatchFailure` that names no event of the batch would leave the others handled that it may have meant. */
function whyWrong({ runs, handler }: Batch, { failures }: ThrownRecord & { kind: 'batch' }): Error | undefined {
  if (failures.length > 0 && failures.every(({ index }) => runs[index] !== undefined)) return undefined;
  const some = failures.slice(0, MAX_NAMED).map(({ index }) => String(index));
  const named = (failures.length > MAX_NAMED ? [...some, '…'] : some).join(', ') || 'none';
  const message = `${handler.plugin}.${handler.name} threw a BatchFailure for the events ${named} of a batch of ${runs.length}`;
  return new JetplugError('JP_BATCH_FAILURE_INVALID', message, { plugin: handler.plugin, ...handler.where });
}

/** An event that is not named as failed has been handled. */
function outcomeOfOne(run: Run, index: number, { failures }: ThrownRecord & { kind: 'batch' }): MaybePromise<Outcome> {
  const failure = failures.find((one) => one.index === index);
  return failure ? outcomeOf(run, failure.thrown) : sent(run);
}

function outcomeOfAll(run: Run, record: ThrownRecord, thrown: unknown, { runs }: Batch): Outcome {
  // Which event it was is known by its update alone; the others were just in the same batch.
  if (record.kind === 'settled' && record.sequence !== run.delivery.sequence) {
    const isOfBatch = runs.some(({ delivery }) => delivery.sequence === record.sequence);
    if (isOfBatch) return { kind: 'unavailable', error: interrupted(run) };
  }
  return outcomeOfThrown(run, thrown);
}

function interrupted({ handler }: Run): Error {
  const message = `a batch of ${handler.plugin}.${handler.name} held an event that another host had settled`;
  return new JetplugError('JP_STORE_UNAVAILABLE', message, { plugin: handler.plugin });
}
