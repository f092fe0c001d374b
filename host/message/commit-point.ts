import { JetplugError } from '../../sdk/internal';
import type { OutgoingEvent } from '../broker/ports';
import type { RunChanges } from '../records/commits/commit';
import type { CommitResult } from '../records/commits/finished-runs';
import { Transaction } from '../records/commits/transaction';
import { originOf } from './origin-of';
import { notSent, sendUnsent } from './outbox';
import { CommitPoints } from './commit-points';
import { CONFLICT, OutcomeKnown, RELEASED, SETTLED_BEFORE, type Outcome } from './outcome';
import { noteCommitted } from './record-run';
import { eventOf, type Run } from './run';

/**
 * Commits what the run has changed and published since its last commit point. The event is not settled yet. If an
 * earlier run of the event has committed this point, the changes are dropped, because they are committed already.
 * @throws OutcomeKnown if the run must start again, another run has settled the event, or the events cannot be sent yet
 * @throws JetplugError if the changes are too large, or the events can never be sent
 */
export function passCommitPoint(run: Run): Promise<void> {
  const points = (run.points ??= new CommitPoints());
  const earlier = run.openOperations;
  const emits = run.takeOutbox();
  return points.next(async (begin) => {
    if (points.outcome) throw new OutcomeKnown(points.outcome);
    await points.whileRunning(Promise.allSettled(earlier).then(() => run.transaction.whenAllComputed()));
    if (run.owesWork || points.passed < run.past.length) repeatPart(run, points);
    // The commit after the handler's return includes what is changed by then.
    else if (run.isOver) return void run.outbox.unshift(...emits);
    else await points.committing(() => commitPart(run, points, emits, begin));
    begin();
    try {
      await sendUnsent(run);
    } catch (thrown) {
      throw stop(points, notSent(run, thrown));
    }
  });
}

/** Makes the run end with the outcome, whatever the handler does with the error. */
function stop(points: CommitPoints, outcome: Outcome): OutcomeKnown {
  points.outcome = outcome;
  return new OutcomeKnown(outcome);
}

function repeatPart(run: Run, points: CommitPoints): void {
  points.passed++;
  run.transaction.reset();
  run.transaction.repeated = run.past[points.passed];
}

async function commitPart(
  run: Run,
  points: CommitPoints,
  emits: readonly OutgoingEvent[],
  begin: () => void,
): Promise<void> {
  const { handler } = run;
  const { transactions } = handler.commits.log ?? (await handler.commits.open());
  for (const emit of emits) await handler.outgoing.check(emit);
  const { transaction } = run;
  const { passed } = points;
  const part: RunChanges = {
    origin: originOf(run),
    event: eventOf(run),
    part: passed + 1,
    passed,
    reads: transactions.textsRead(transaction),
    writes: transaction.writes,
    emits,
  };
  transactions.assertFits([part]);
  const finishing = transactions.finish(transaction, [part]);
  // The handler may continue before the commit is stored. That belongs to the next part.
  run.startFrom(new Transaction());
  begin();
  const result = await finishing;
  if (result !== 'committed') {
    run.startFrom(transaction);
    throw stop(points, outcomeOfRefused(run, result));
  }
  points.passed++;
  noteCommitted(run, part);
}

/**
 * Returns the outcome of a run that was not committed. If another run has settled the event, but its after-commit work is
 * not done, this one starts again and does the work.
 */
export function outcomeOfRefused(run: Run, result: Exclude<CommitResult, 'committed'>): Outcome {
  if (result === 'released') return RELEASED;
  return result === 'settled' && !mayOweWork(run) ? SETTLED_BEFORE : CONFLICT;
}

/** Whether the after-commit work of an event that another host has settled may not be done. */
export function mayOweWork(run: Run): boolean {
  const { settlements, commits } = run.handler;
  const isUnread = settlements.commitReads.areLate && settlements.has(run.delivery.sequence);
  return isUnread || commits.log!.folded.parts.of(eventOf(run)).length > 0;
}

/** Returns the error of a run that has not come to a point which an earlier run has committed. */
export function missedPoint({ handler, passed, past, owesWork }: Run): JetplugError | undefined {
  const expected = owesWork ? past.length - 1 : past.length;
  if (passed >= expected) return undefined;
  const { plugin, name, where } = handler;
  const message = `${plugin}.${name} came to ${passed} of the ${expected} calls of Store.commit that an earlier run of the event has committed`;
  return new JetplugError('JP_COMMIT_POINT_MISSED', message, { plugin, ...where });
}
