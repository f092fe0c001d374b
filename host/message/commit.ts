import type { RunChanges } from '../records/commits/commit';
import type { CommitResult, CommitWaiter } from '../records/commits/finished-runs';
import type { PluginLog } from '../records/commits/plugin-log';
import type { Endings, Execution } from './execution';
import type { Later } from './later';
import { CONFLICT, SETTLED_BEFORE } from './outcome';
import { sendUnsent } from './outbox';
import { eventOf, type BatchCall, type Run } from './run';
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
  const wait = new CommitWait(call, runs, endings);
  let result: CallResult | undefined;
  try {
    result = finish(call, runs, log, wait);
  } catch (thrown) {
    return endings.failed(call, thrown);
  }
  if (!result) return wait.begin();
  return result === 'settled' ? call.interruptible(endSettled(runs), endings) : endings.done(call, result);
}

function isMarked({ marked, failure }: Run): boolean {
  return marked && !failure;
}

/** A call that waits for its commit. */
class CommitWait<C extends Execution, U> implements CommitWaiter {
  private later!: Later<U>;

  constructor(
    private readonly call: C,
    private readonly runs: readonly Run[],
    private readonly endings: Endings<C, CallResult, U>,
  ) {}

  begin(): Later<U> {
    const { call, endings } = this;
    this.later = call.await(endings);
    call.registry.beginCommit();
    return this.later;
  }

  resolve(result: CommitResult): void {
    const { call, runs, endings, later } = this;
    call.registry.endCommit();
    if (result === 'settled') call.follow(endSettled(runs), later, endings);
    else call.done(result, later, endings);
  }

  reject(error: Error): void {
    const { call, endings, later } = this;
    call.registry.endCommit();
    call.failed(error, later, endings);
  }
}

/**
 * Opens the log for the first commit, and removes the marks of the runs before the commit, because a death of the process
 * after the handler has returned is not the event's fault.
 */
async function commitLater(call: Execution, runs: readonly Run[]): Promise<CallResult> {
  const { commits } = call.handler;
  for (const run of runs) if (isMarked(run)) await unmark(run.handler, run.delivery);
  const log = commits.log ?? (await commits.open());
  if (!leaveOutFailed(runs)) return 'entangled';
  const finished = log.transactions.finished(call.transaction, runs.flatMap(changesOf));
  call.registry.beginCommit();
  try {
    const result = await finished;
    return result === 'settled' ? await endSettled(runs) : result;
  } finally {
    call.registry.endCommit();
  }
}

/** Returns the result, or undefined if the waiter gets it later. */
function finish(
  { transaction }: Execution,
  runs: readonly Run[],
  { transactions }: PluginLog,
  waiter: CommitWaiter,
): CallResult | undefined {
  return leaveOutFailed(runs) ? transactions.finish(transaction, runs.flatMap(changesOf), waiter) : 'entangled';
}

/**
 * Sends the events of a run that another host has committed, because that host may have died before it sent them. After
 * the ack, nobody would.
 */
async function endSettled(runs: readonly Run[]): Promise<'settled'> {
  await Promise.all(runs.map(sendUnsent));
  return 'settled';
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

function changesOf(run: Run): RunChanges[] {
  if (run.failure || !(hasChanges(run) || run.hasPublished)) return [];
  const writes = run.batch ? run.batch.writes.of(run) : run.hasTransaction ? run.transaction.writes : NO_WRITES;
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

/** An event of a batch is committed also if the texts of its changes belong to later events. */
function hasChanges(run: Run): boolean {
  if (run.batch) return run.batch.writes.hasChangesFor(run);
  return run.hasTransaction && run.transaction.writes.size > 0;
}

const NO_WRITES: ReadonlyMap<string, string | null> = new Map();
const NO_EMITS: readonly never[] = [];
