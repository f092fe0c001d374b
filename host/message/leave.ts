import type { Departure } from '../records/commits/commit';
import type { CommitResult } from '../records/commits/finished-runs';
import type { PluginLog } from '../records/commits/plugin-log';
import { Transaction } from '../records/commits/transaction';
import { coordinates } from './attempt-records';
import { deadLetterOf } from './dead-letter';
import type { Endings } from './execution';
import type { Burial } from './failures/failures';
import type { Handler } from './handler';
import { originOf } from './origin-of';
import { sendUnsent } from './outbox';
import { eventOf, type Run } from './run';

/**
 * `left`: the dead letter or the deferred event is stored. `settled`: a commit has settled the event before. `released`:
 * the host stops, and it is not known whether the event leaves.
 */
export type LeaveResult = 'left' | 'settled' | 'released';

/** The `pass` of an event that moves from its own stream to the retry queue. Stored names contain it. */
const DEFERRED = 'parked';

/**
 * Takes an event out of its stream that the handler does not handle. If the plugin has a commit log, the departure is
 * committed first, so that a host that was frozen with the event cannot commit it any more. A host that finds the commit
 * without its letter or deferred event stores it: see {@link complete}.
 * @param burial why the event is dead-lettered. It is recorded before the commit, so that another host can store the
 * letter
 */
export async function leave(run: Run, left: Departure, burial?: Burial): Promise<LeaveResult> {
  const { handler, delivery } = run;
  const log = handler.commits.log ?? (await handler.commits.find());
  if (burial && (log || burial.attempts > 0)) await handler.attempts.bury(delivery, burial);
  if (!log) return leaveWithoutLog(run, left, burial);
  const result = await commitDeparture(run, log, left);
  if (result !== 'committed') return result;
  await complete(run, burial);
  handler.settlements.settle(delivery.sequence);
  return 'left';
}

/**
 * Without a log, the record of settled events is stored before the event is settled on the server. A frozen host that
 * wakes and creates the log reads that record first.
 */
async function leaveWithoutLog(run: Run, left: Departure, burial: Burial | undefined): Promise<LeaveResult> {
  const { handler, delivery } = run;
  await store(run, left, burial);
  handler.settlements.settle(delivery.sequence);
  await handler.settlements.store();
  return 'left';
}

async function commitDeparture(run: Run, log: PluginLog, left: Departure): Promise<Exclude<CommitResult, 'conflict'>> {
  const changes = [{ origin: originOf(run), event: eventOf(run), left, writes: new Map(), emits: [] }];
  for (;;) {
    // It reads nothing, so it conflicts only if the log was read anew meanwhile.
    const result = await untilReleased(run, async () => log.transactions.finish(new Transaction(), changes));
    if (result !== 'conflict') return result;
  }
}

/**
 * Does what is left to do for an event that a commit has settled: sends its events, and stores its dead letter or the
 * deferred event.
 */
export async function complete(run: Run, burial?: Burial): Promise<void> {
  const { handler, delivery } = run;
  const { log } = handler.commits;
  const event = eventOf(run);
  await sendUnsent(run);
  const left = log?.sent.departureOf(event);
  if (left) await store(run, left, burial);
  // A handled event that was redriven may still have its letter. A new letter has replaced it.
  else if (delivery.past?.letter !== undefined) await handler.deadLetters.remove(delivery.past.letter, delivery.origin);
  log?.sent.noteLeft(event);
}

/** Begins the work and waits for it, unless the host stops first. */
export async function untilReleased<T>(run: Run, work: () => Promise<T>): Promise<T | 'released'> {
  if (run.registry.isReleased) return 'released';
  run.end();
  return run.interruptible(work(), WAITING as Endings<Run, T, T | 'released'>).promise();
}

const WAITING: Endings<Run, unknown, unknown> = {
  done: (_run, result) => result,
  failed: (_run, thrown) => {
    throw thrown;
  },
  interrupted: () => 'released',
};

function store(run: Run, left: Departure, burial: Burial | undefined): Promise<void> {
  return left.to === 'dead-letter' ? storeLetter(run, burial) : defer(run, left.dueAtMs);
}

/** Stores the dead letter. The record of a failure is removed after its letter is stored, so no record is no letter. */
async function storeLetter({ handler, delivery }: Run, given: Burial | undefined): Promise<void> {
  const burial = given ?? (await handler.attempts.read(delivery)).buried;
  if (!burial) return;
  const { reason, attempts, error } = burial;
  await handler.deadLetters.store(deadLetterOf(handler, delivery, burial, now(handler)));
  handler.counters.deadLettered++;
  handler.log.error('an event is dead-lettered', { ...coordinates(handler, delivery), reason, attempts, err: error });
}

/** Moves the event to the retry queue, with its failures. */
async function defer({ handler, delivery }: Run, dueAtMs: number): Promise<void> {
  const { charged, provisional, outages } = await handler.attempts.read(delivery);
  await handler.retryQueue.defer({
    plugin: handler.plugin,
    handler: handler.name,
    origin: delivery.origin,
    subject: delivery.subject,
    payload: delivery.payload,
    headers: delivery.headers(),
    repeated: delivery.repeatedHeaders(),
    dueAtMs,
    past: { failures: charged, provisional, outages },
    pass: DEFERRED,
  });
}

function now({ time }: Handler): Date {
  return new Date(time.epochMs());
}
