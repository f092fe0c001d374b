import type { EventOf, RunChanges } from '../records/commits/commit';
import type { CommitResult } from '../records/commits/finished-runs';
import type { PluginLog } from '../records/commits/plugin-log';
import type { Batch } from './batch';
import type { Endings, Execution } from './execution';
import type { Later } from './later';
import { CONFLICT, SETTLED_BEFORE } from './outcome';
import type { Run } from './run';
import { unmark } from './settle';
import { end, passed, type Committed, type Ended, type Returned } from './stages';
import { outcomeOfThrown } from './thrown-outcome';

/**
 * Commits the run: its store changes, the events that it has published, and the fact that its event is done become one
 * entry of the plugin's commit log. A run without effects commits nothing. For a run that has failed, checks only that
 * the values that it has read are committed. Only a stop of the host interrupts it.
 */
export function commit(run: Returned): Committed | Ended | Later<Committed | Ended> {
  return run.hasEffects ? commitCall(run, [run], COMMIT) : passed(run);
}

/** `entangled`: the changes for events that have failed cannot be left out. The other events must run again. */
type CallResult = CommitResult | 'entangled';

const COMMIT: Endings<Run, CallResult, Committed | Ended> = {
  done: ended,
  failed: (run, thrown) => end(run, outcomeOfThrown(run, thrown)),
  interrupted: end,
};

/** Commits the runs of a batch together. The changes for events that have failed are left out. */
export function commitBatch(runs: readonly Returned[]): Batch | Later<Batch> {
  const batch = runs[0]!.batch!;
  batch.committing = runs;
  return runs.some(({ hasEffects }) => hasEffects) ? commitCall(batch, runs, BATCH_COMMIT) : batch;
}

const BATCH_COMMIT: Endings<Batch, CallResult, Batch> = {
  done: (batch, result) => endEach(batch, (run) => ended(run, result)),
  failed: (batch, thrown) => endEach(batch, (run) => end(run, outcomeOfThrown(run, thrown))),
  interrupted: (batch, outcome) => endEach(batch, (run) => end(run, outcome)),
};

function endEach(batch: Batch, endOne: (run: Run) => unknown): Batch {
  batch.committing.forEach(endOne);
  return batch;
}

function ended(run: Run, result: CallResult): Committed | Ended {
  if (result === 'conflict') return end(run, CONFLICT);
  if (run.failure) return end(run, run.failure);
  if (result === 'entangled') return end(run, CONFLICT);
  return result === 'settled' ? end(run, SETTLED_BEFORE) : passed(run);
}

/**
 * Commits a call. It counts as ended meanwhile, so the handler's other events run. No promise is made for a call that
 * waits only for its commit, because promises would cost a tenth of the throughput.
 */
function commitCall<C extends Execution, U>(
  call: C,
  runs: readonly Run[],
  endings: Endings<C, CallResult, U>,
): U | Later<U> {
  for (const run of runs) run.endTurnAlone?.();
  const { log } = call.handler.commits;
  if (!log || runs.some(isMarked)) return call.interruptible(commitLater(call, runs), endings);
  let result: CallResult | undefined;
  let later: Later<U> | undefined;
  try {
    result = finish(call, runs, log, (late) => call.done(later!, endings, late));
  } catch (thrown) {
    return endings.failed(call, thrown);
  }
  if (result) return endings.done(call, result);
  later = call.await(endings);
  return later;
}

function isMarked({ marked, failure }: Run): boolean {
  return marked && !failure;
}

/**
 * Opens the log for the first commit, and removes the marks of the runs before the commit, because a death of the process
 * after the handler has returned is not the event's fault.
 */
async function commitLater(call: Execution, runs: readonly Run[]): Promise<CallResult> {
  const { commits } = call.handler;
  for (const run of runs) if (isMarked(run)) await unmark(run.handler, run.delivery);
  const log = commits.log ?? (await commits.open());
  return new Promise((resolve) => {
    const result = finish(call, runs, log, resolve);
    if (result) resolve(result);
  });
}

/** Returns the result, or undefined if `done` gets it later. */
function finish(
  { transaction, registry }: Execution,
  runs: readonly Run[],
  { transactions }: PluginLog,
  done: (result: CallResult) => void,
): CallResult | undefined {
  if (!leaveOutFailed(runs)) return 'entangled';
  const result = transactions.finish(transaction, runs.flatMap(changesOf), (late) => {
    registry.endCommit();
    done(late);
  });
  if (!result) registry.beginCommit();
  return result;
}

/** Drops the changes for events that have failed. Returns false if changes for other events may depend on them. */
function leaveOutFailed(runs: readonly Run[]): boolean {
  const failed = runs.filter(({ failure }) => failure);
  if (failed.length === 0) return true;
  const [{ batch, transaction }] = failed as [Run];
  if (failed.length === runs.length) transaction.writes.clear();
  else if (batch!.writes.areEntangled) return false;
  else for (const run of failed) batch!.writes.drop(run);
  return true;
}

/** Returns the event of a run, as the commit log names it. */
export function eventOf({ handler: { settlements }, delivery }: Pick<Run, 'handler' | 'delivery'>): EventOf {
  return {
    durable: settlements.durable,
    incarnation: settlements.streamIncarnation,
    sequence: delivery.sequence,
  };
}

function changesOf(run: Run): RunChanges[] {
  if (run.failure) return [];
  const writes = run.batch ? run.batch.writes.of(run) : run.hasTransaction ? run.transaction.writes : NO_WRITES;
  if (writes.size === 0 && !run.hasPublished) return [];
  const { handler, delivery, event, attempt } = run;
  const origin = {
    handler: handler.name,
    version: handler.version,
    attempt,
    stream: delivery.origin.stream,
    sequence: delivery.origin.sequence,
    eventId: event!.event_id,
    timeMs: handler.time.epochMs(),
  };
  return [{ origin, event: eventOf(run), writes, emits: run.hasPublished ? run.outbox : NO_EMITS }];
}

const NO_WRITES: ReadonlyMap<string, string | null> = new Map();
const NO_EMITS: readonly never[] = [];
