import type { ReadTexts, RunChanges } from '../records/commits/commit';
import type { CommitResult, CommitWaiter } from '../records/commits/finished-runs';
import type { PluginLog } from '../records/commits/plugin-log';
import { missedPoint, outcomeOfRefused } from './commit-point';
import type { Endings, Execution } from './execution';
import type { Later } from './later';
import { CONFLICT } from './outcome';
import { unmark } from './attempt-records';
import { originOf } from './origin-of';
import { eventOf, type BatchCall, type Run } from './run';
import { end, passed, type Committed, type Ended, type Returned } from './stages';
import { outcomeOfThrown } from './thrown-outcome';

/**
 * Commits the run: its store changes, the events that it has published, and the fact that its event is done become one
 * entry of the plugin's commit log. A run without effects commits nothing. For a run that has failed, checks only that
 * the values that it has read are committed. Only a stop of the host interrupts it. A run that repeats a committed one
 * commits nothing.
 */
export function commit(run: Returned): Committed | Ended | Later<Committed | Ended> {
  if (run.past.length > 0 && !run.failure) failIfPointMissed(run);
  if (run.owesWork) return repeated(run);
  return run.hasEffects ? commitCall(run, [run], COMMIT) : passed(run);
}

/**
 * A run that repeats a committed one. It releases its keys, because it waits for a permit before its after-commit work,
 * and runs that have a permit may wait for these keys.
 */
function repeated(run: Returned): Committed | Ended {
  if (run.hasTransaction) run.handler.commits.log!.transactions.release(run.transaction);
  return run.failure ? end(run, run.failure) : passed(run);
}

/** `entangled`: the changes for events that have failed cannot be left out. The other events must run again. */
type CallResult = CommitResult | 'entangled';

const COMMIT: Endings<Run, CallResult, Committed | Ended> = {
  done: ended,
  failed: (run, thrown) => end(run, outcomeOfThrown(run, thrown)),
  interrupted: end,
};

/** Commits the runs of a batch together. The changes for events that have failed are left out. */
export function commitBatch(runs: readonly Returned[]): BatchCall | Later<BatchCall> {
  const batch = runs[0]!.batch!;
  batch.committing = runs;
  return runs.some(({ hasEffects }) => hasEffects) ? commitCall(batch, runs, BATCH_COMMIT) : batch;
}

const BATCH_COMMIT: Endings<BatchCall, CallResult, BatchCall> = {
  done: (batch, result) => endEach(batch, (run) => ended(run, resultOfOne(run, result))),
  failed: (batch, thrown) => endEach(batch, (run) => end(run, outcomeOfThrown(run, thrown))),
  interrupted: (batch, outcome) => endEach(batch, (run) => end(run, outcome)),
};

function endEach(batch: BatchCall, endOne: (run: Run) => unknown): BatchCall {
  batch.committing.forEach(endOne);
  return batch;
}

/** If one event of a call was settled meanwhile, the changes for the others are not committed, so they must run again. */
function resultOfOne({ handler, delivery }: Run, result: CallResult): CallResult {
  return result === 'settled' && !handler.settlements.has(delivery.sequence) ? 'conflict' : result;
}

function ended(run: Run, result: CallResult): Committed | Ended {
  if (run.points?.outcome) return end(run, run.points.outcome);
  if (result === 'conflict' || result === 'released' || result === 'settled')
    return end(run, outcomeOfRefused(run, result));
  if (run.failure) return end(run, run.failure);
  return result === 'entangled' ? end(run, CONFLICT) : passed(run);
}

function failIfPointMissed(run: Run): void {
  const error = missedPoint(run);
  if (error) run.failure = { kind: 'failed', error };
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
  if (!log || runs[0]!.points || runs.some(isMarked)) return call.interruptible(prepare(call, runs), endings);
  const checked = checkEmits(runs);
  if (checked)
    return call.interruptible(
      checked.then(() => finished(call, runs, log)),
      endings,
    );
  const wait = new CommitWait(call, endings);
  let result: CallResult | undefined;
  try {
    result = finish(call, runs, log, wait);
  } catch (thrown) {
    return endings.failed(call, thrown);
  }
  return result ? endings.done(call, result) : wait.begin();
}

function isMarked({ marked, failure }: Run): boolean {
  return marked && !failure;
}

/** A call that waits for its commit. */
class CommitWait<C extends Execution, U> implements CommitWaiter {
  private later!: Later<U>;

  constructor(
    private readonly call: C,
    private readonly endings: Endings<C, CallResult, U>,
  ) {}

  begin(): Later<U> {
    const { call, endings } = this;
    this.later = call.await(endings);
    call.registry.beginCommit();
    return this.later;
  }

  resolve(result: CommitResult): void {
    const { call, endings, later } = this;
    call.registry.endCommit();
    call.done(result, later, endings);
  }

  reject(error: Error): void {
    const { call, endings, later } = this;
    call.registry.endCommit();
    call.failed(error, later, endings);
  }
}

/**
 * Commits a call that waits for more than its commit: for its commit points that the handler has not awaited, or for the
 * log, which the first commit opens. The marks of the runs are removed first, because a death of the process after the
 * handler has returned is not the event's fault.
 */
async function prepare(call: Execution, runs: readonly Run[]): Promise<CallResult> {
  for (const run of runs) if (isMarked(run)) await unmark(run.handler, run.delivery);
  const { points } = runs[0]!;
  if (points) await points.end();
  if (points?.outcome) return 'conflict';
  const checked = checkEmits(runs);
  if (checked) await checked;
  if (!call.hasTransaction && runs.every(({ failure }) => failure)) return 'committed';
  const { commits } = call.handler;
  return finished(call, runs, commits.log ?? (await commits.open()));
}

async function finished(call: Execution, runs: readonly Run[], log: PluginLog): Promise<CallResult> {
  call.registry.beginCommit();
  try {
    return await new Promise<CallResult>((resolve, reject) => {
      const result = finish(call, runs, log, { resolve, reject });
      if (result) resolve(result);
    });
  } finally {
    call.registry.endCommit();
  }
}

/** Returns the result, or undefined if the waiter gets it later. */
function finish(call: Execution, runs: readonly Run[], log: PluginLog, waiter: CommitWaiter): CallResult | undefined {
  if (!call.hasTransaction && runs.every(({ failure }) => failure)) return 'committed';
  if (!leaveOutFailed(runs)) return 'entangled';
  return log.transactions.finishFor(call.transaction, fittingChanges(runs, log), waiter);
}

/**
 * Checks that the events which the runs have published can be sent after the commit. A run fails if not. Undefined if no
 * request is needed.
 */
function checkEmits(runs: readonly Run[]): Promise<unknown> | undefined {
  const checks: Promise<void>[] = [];
  for (const run of runs) {
    if (run.failure || !run.hasPublished) continue;
    const failed = (thrown: unknown): void => void (run.failure ??= outcomeOfThrown(run, thrown));
    for (const emit of run.outbox) {
      try {
        const check = run.handler.outgoing.check(emit);
        if (check) checks.push(check.catch(failed));
      } catch (error) {
        failed(error);
      }
    }
  }
  return checks.length > 0 ? Promise.all(checks) : undefined;
}

/** Returns the changes of the runs. If one commit cannot hold them, all runs fail and there are no changes. */
function fittingChanges(runs: readonly Run[], log: PluginLog): RunChanges[] {
  const changes = changesOfCall(runs, log);
  try {
    log.transactions.assertFits(changes);
    return changes;
  } catch (error) {
    for (const run of runs) run.failure ??= outcomeOfThrown(run, error);
    leaveOutFailed(runs);
    return [];
  }
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

/** Returns the changes of a call, which become visible together. */
function changesOfCall(runs: readonly Run[], log: PluginLog): RunChanges[] {
  const changes = runs.flatMap((run) => changesOf(run, log));
  return changes.length < 2 ? changes : changes.map((change, i) => (i === 0 ? change : { ...change, joins: true }));
}

function changesOf(run: Run, log: PluginLog): RunChanges[] {
  const { passed, hasWork } = run;
  if (run.failure || !(hasChanges(run) || run.hasPublished || hasWork || passed > 0)) return [];
  const writes = run.batch ? run.batch.writes.of(run) : run.hasTransaction ? run.transaction.writes : NO_WRITES;
  return [
    {
      origin: originOf(run),
      event: eventOf(run),
      passed,
      writes,
      emits: run.hasPublished ? run.outbox : NO_EMITS,
      ...(hasWork && { hasWork, reads: readsOf(run, log) }),
    },
  ];
}

/** Returns the texts that the run has read, from which the handler can be repeated. */
function readsOf(run: Run, log: PluginLog): ReadTexts {
  const texts = log.transactions.textsRead(run.transaction);
  return run.batch ? run.batch.writes.readsOf(run, texts) : texts;
}

/** An event of a batch is committed also if the texts of its changes belong to later events. */
function hasChanges(run: Run): boolean {
  if (run.batch) return run.batch.writes.hasChangesFor(run);
  return run.hasTransaction && run.transaction.writes.size > 0;
}

const NO_WRITES: ReadonlyMap<string, string | null> = new Map();
const NO_EMITS: readonly never[] = [];
