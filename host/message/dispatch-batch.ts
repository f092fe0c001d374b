import { JetplugError } from '../../sdk/internal';
import { promiseOf } from '../base/promises';
import { Batch, RunBatchContext } from './batch';
import type { Endings } from './execution';
import type { Later } from './later';
import { lazyResultError } from './lazy-result';
import { RELEASED, type Outcome } from './outcome';
import { readThrown, type ThrownRecord } from './read-thrown';
import type { Run } from './run';
import type { Validated } from './stages';
import { logLate, outcomeOf, outcomeOfThrown } from './thrown-outcome';
import { withinCall } from './trace-run';

/**
 * Calls the handler once with the events of all runs. A run whose event was handled gets no outcome here, because the
 * events that the run published must still be sent. A timeout is the outcome of every run. If a stop has released the
 * runs while one of them was validated, the handler is not called. Never throws.
 */
export function dispatchBatch(runs: readonly Validated[]): Batch | Later<Batch> {
  const batch = new Batch(runs);
  if (batch.registry.isReleased) return endEach(batch, () => RELEASED);
  batch.begin();
  let working: Promise<unknown> | undefined;
  let result: unknown;
  try {
    result = withinCall(batch, () => batch.handler.invoke(batch.events, new RunBatchContext(batch)));
    working = promiseOf(result);
  } catch (thrown) {
    return failed(batch, thrown);
  } finally {
    if (!batch.waits) batch.called();
  }
  return working ? batch.interruptible(working, CALL) : returned(batch, result);
}

const CALL: Endings<Batch, unknown, Batch> = {
  done: returned,
  failed,
  interrupted: (batch, outcome) => endEach(batch, () => outcome),
  failedLate: ({ handler }, thrown) => logLate(handler, thrown),
};

function returned(batch: Batch, value: unknown): Batch {
  const lazy = lazyResultError(batch.handler, value);
  if (lazy) return failed(batch, lazy);
  batch.end();
  return batch;
}

function failed(batch: Batch, thrown: unknown): Batch {
  batch.end();
  const record = readThrown(thrown);
  if (record.kind !== 'batch') return failEach(batch, (run) => outcomeOfThrown(run, thrown));
  const wrong = whyWrong(batch, record);
  if (wrong) return failEach(batch, () => ({ kind: 'failed', error: wrong }));
  return failEach(batch, (run, index) => outcomeOfOne(run, index, record));
}

function endEach(batch: Batch, outcome: (run: Run, index: number) => Outcome | undefined): Batch {
  batch.runs.forEach((run, index) => (run.outcome = outcome(run, index)));
  return batch;
}

/** A failure counts once the values that the call has read are known to be committed. */
function failEach(batch: Batch, failure: (run: Run, index: number) => Outcome | undefined): Batch {
  if (!batch.hasTransaction) return endEach(batch, failure);
  batch.runs.forEach((run, index) => (run.failure = failure(run, index)));
  return batch;
}

const MAX_NAMED = 20;

/**
 * Returns an error if a `BatchFailure` has no index or one outside the batch, because the failed event would count as
 * handled.
 */
function whyWrong({ runs, handler }: Batch, { failures }: ThrownRecord & { kind: 'batch' }): Error | undefined {
  if (failures.length > 0 && failures.every(({ index }) => runs[index] !== undefined)) return undefined;
  const some = failures.slice(0, MAX_NAMED).map(({ index }) => String(index));
  const listed = (failures.length > MAX_NAMED ? [...some, '…'] : some).join(', ');
  const named = failures.length === 0 ? 'no index' : `${failures.length === 1 ? 'index' : 'indexes'} ${listed}`;
  const message = `${handler.plugin}.${handler.name} threw a BatchFailure for ${named} of a batch of ${runs.length} (the first index is 0)`;
  return new JetplugError('JP_BATCH_FAILURE_INVALID', message, { plugin: handler.plugin, ...handler.where });
}

/** Returns no outcome if the failure does not name the event, because the event was then handled. */
function outcomeOfOne(run: Run, index: number, { failures }: ThrownRecord & { kind: 'batch' }): Outcome | undefined {
  const failure = failures.find((one) => one.index === index);
  return failure && outcomeOf(run, failure.thrown);
}
