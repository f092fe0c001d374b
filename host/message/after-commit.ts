import type { AfterCommitWork } from './after-commit-work';
import { Execution, type Endings } from './execution';
import type { Later } from './later';
import type { Outcome } from './outcome';
import { eventOf, type Run } from './run';
import { end, type Ended, type Sent } from './stages';
import { logLate, outcomeOfThrown } from './thrown-outcome';

/** The call of a run's after-commit work. The handler's timeout applies to it. */
class AfterCommitCall extends Execution {
  constructor(readonly run: Run) {
    super(run.handler, run.registry);
  }
}

const HANDLED: Outcome = { kind: 'handled' };

/**
 * Runs the functions that the handler has passed to `afterCommit`, one after the other. If one fails, or the host dies,
 * a later delivery repeats the handler with the texts that it has read, and runs the functions again.
 */
export function doAfterCommitWork(run: Sent): Ended | Later<Ended> {
  const work = run.takeWork();
  if (work.length === 0) return done(run);
  run.owesWork = true;
  const call = new AfterCommitCall(run);
  return call.interruptible(doWork(call, work), WORK);
}

const WORK: Endings<AfterCommitCall, void, Ended> = {
  done: ({ run }) => done(run),
  failed: (call, thrown) => end(call.run, outcomeOfThrown(call, thrown)),
  interrupted: ({ run }, outcome) => end(run, outcome),
  failedLate: ({ handler }, thrown) => logLate(handler, thrown),
};

async function doWork(call: AfterCommitCall, work: readonly AfterCommitWork[]): Promise<void> {
  await call.registry.whenFree();
  call.begin();
  try {
    for (const each of work) {
      // A stop or the timeout has ended the call.
      if (call.isOver) each.drop?.();
      else await each.perform(call);
    }
  } finally {
    call.end();
  }
}

function done(run: Run): Ended {
  if (run.owesWork) noteWorkDone(run);
  return end(run, HANDLED);
}

/** Notes that the event's after-commit work is done, or given up, so that no later delivery repeats it. */
export function noteWorkDone(run: Pick<Run, 'handler' | 'delivery'>): void {
  run.handler.commits.log?.worked.note(eventOf(run));
}

/** Drops the work of a run that has failed or starts again. */
export function dropWork(run: Run): void {
  if (run.hasWork) for (const work of run.takeWork()) work.drop?.();
}
