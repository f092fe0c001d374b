import { covers } from '../../sdk/internal';
import type { AttemptState } from '../message/failures/attempt-record';
import type { DeadLetterSummary } from '../ops/dead-letter-summary';
import type { CommittedRun } from '../records/commits/find-runs';
import type { DeferredFacts, DurableFacts, EventFacts, Evidence, Fate } from './fate-facts';

/** Decides the fate of an event in one handler. A pure function. */
export function fateOf(event: EventFacts, evidence: Evidence): Fate {
  return ended(evidence) ?? notTaken(event, evidence) ?? settled(event, evidence) ?? open(event, evidence);
}

/** The fate that a commit, the retry queue or a dead letter proves. */
function ended(evidence: Evidence): Fate | undefined {
  const { runs, deferred, letter, attempts } = evidence;
  const last = runs.findLast(({ run }) => run.part === undefined);
  if (last && !last.run.left) return done(last, evidence);
  const waiting = deferred.findLast(({ isSettled }) => !isSettled);
  if (waiting) return inRetryQueue(waiting, evidence);
  if (letter) return deadLettered(letter);
  if (attempts?.buried) {
    const { reason, message, attempts: count } = attempts.buried;
    const why = 'it will be dead-lettered; the next host that gets it stores its letter';
    return { state: 'dead-lettered', why, reason, error: message, attempt: count };
  }
  if (last?.run.left?.to === 'dead-letter') {
    const why = 'it was dead-lettered, and its letter was dropped or has expired';
    return { state: 'dead-lettered', why, dropped: true, ...ofRun(last) };
  }
  if (deferred.length > 0) return { state: 'done', why: 'settled from the retry queue' };
  return undefined;
}

function done(run: CommittedRun, { runs, letter }: Evidence): Fate {
  const wasDead = letter !== undefined || runs.some(({ run: { left } }) => left?.to === 'dead-letter');
  const wasDeferred = runs.some(({ run: { left } }) => left?.to === 'retry-queue');
  const after = wasDead ? ', after its dead letter was redriven' : wasDeferred ? ', from the retry queue' : '';
  return { state: 'done', why: `handled${after}`, ...ofRun(run) };
}

function ofRun({ host, run: { origin } }: CommittedRun): Partial<Fate> {
  const { attempt, version, timeMs } = origin;
  return {
    at: iso(timeMs),
    ...(attempt !== undefined && { attempt }),
    ...(version !== undefined && { version }),
    host,
  };
}

function inRetryQueue(stay: DeferredFacts, evidence: Evidence): Fate {
  const { letter, inHost, hosts } = evidence;
  const { dueAtMs, failures, attempts } = stay;
  const redriven = stay.letter !== undefined;
  if (redriven && letter) {
    const is = inHost === 'running' ? 'its handler runs it again now' : 'it waits for its handler to run it again';
    return {
      ...deadLettered(letter),
      why: `dead letter ${letter.id}, which is redriven; ${is}`,
      redriven: true,
      ...(hosts === 0 && { next: 'jetplug start' }),
    };
  }
  if (inHost === 'running') return { state: 'running', why: 'its handler runs it now, from the retry queue' };
  const failed = attempts ? attempts.charged + attempts.provisional : failures;
  const dueAt = dueAtMs === 0 ? {} : { dueAt: iso(dueAtMs) };
  return (
    waiting(evidence, stay.pausedUntil) ??
    retrying(attempts, evidence) ?? {
      state: 'deferred',
      why: 'it waits in the retry queue until it is due',
      ...dueAt,
      ...(failed > 0 && { attempt: failed + 1 }),
    }
  );
}

function deadLettered({ id, reason, error, attempts, time }: DeadLetterSummary): Fate {
  return {
    state: 'dead-lettered',
    why: `dead letter ${id}`,
    letter: id,
    reason,
    error,
    attempt: attempts,
    at: time,
    next: `jetplug dead show ${id}`,
  };
}

/** The fate of an event that the handler's durable never delivers. */
function notTaken({ subject, sequence, storedAtMs }: EventFacts, { durable, isSettled }: Evidence): Fate | undefined {
  if (!durable) return undefined;
  const { filters, createdMs, startSequence = 0, startMs = 0, deliversNew } = durable;
  if (subject !== undefined && !filters.some((filter) => covers(filter, subject)))
    return { state: 'filtered', why: `it takes ${filters.join(', ')}` };
  const created = `its durable was created at ${iso(createdMs)}`;
  const before = (why: string): Fate => ({ state: 'before-deployment', why });
  if (startSequence > sequence) {
    // A durable that replaces a deleted one begins behind the events that were settled.
    const replaced = isSettled ? '; if it replaces a deleted one, that one may have had the event' : '';
    return before(`its durable starts at sequence ${startSequence}${replaced}`);
  }
  if (storedAtMs === undefined) return undefined;
  if (deliversNew && createdMs > storedAtMs) return before(`${created}, after the event, and takes later ones`);
  return startMs > storedAtMs ? before(`its durable starts with the events of ${iso(startMs)}`) : undefined;
}

/**
 * The fate of an event that is settled without a run in the commit log. When an event leaves its stream, the server and
 * the records count it as settled, so of an event that is gone they prove nothing.
 */
function settled({ sequence, subject, isGone }: EventFacts, { durable, isSettled }: Evidence): Fate | undefined {
  if (!isSettled && sequence > (durable?.ackFloor ?? 0)) return undefined;
  if (subject === undefined) {
    const why = 'its subject is not known any more; the handler has settled it, or never took it';
    return { state: 'unknown', why };
  }
  if (isGone) {
    const why = 'the handler has settled it, or it left the stream before; no commit tells which';
    return { state: 'unknown', why };
  }
  return { state: 'done', why: 'settled; no commit tells how, so its dead letter may have been dropped' };
}

/** The fate of an event that is not settled. */
function open({ sequence, isGone }: EventFacts, evidence: Evidence): Fate {
  const { durable, inHost, attempts, hosts } = evidence;
  const isDelivered = durable !== undefined && sequence <= durable.delivered;
  if (inHost === 'running') return { state: 'running', why: 'its handler runs it now', ...counted(attempts) };
  if (isGone) {
    const when = isDelivered
      ? 'was delivered, and left the stream before it was settled'
      : 'left the stream before it was delivered';
    return { state: 'unknown', why: `the event ${when}` };
  }
  if (!durable) return { state: 'unknown', why: 'the handler has no durable on the server any more' };
  const known = waiting(evidence, durable.pausedUntil) ?? retrying(attempts, evidence);
  if (known) return known;
  if (inHost) return { state: 'pending', why: 'a host has it, and it waits for its turn' };
  if (!isDelivered) return pending(durable);
  if (hosts > 0) return { state: 'pending', why: 'it was delivered and not settled; the server delivers it again' };
  return durable.isPulled
    ? { state: 'unknown', why: 'it was delivered and not settled; a host may run it now, and no host answered' }
    : {
        state: 'pending',
        why: 'it was delivered and not settled; the server delivers it again when a host runs',
        next: 'jetplug start',
      };
}

/** The fate of an event that waits behind a pause or an open circuit. */
function waiting(
  { outage, plugin, handler, attempts, hosts }: Evidence,
  pausedUntil: string | undefined,
): Fate | undefined {
  if (pausedUntil !== undefined) {
    const next = `jetplug resume ${plugin}.${handler}`;
    return {
      state: 'waiting',
      why: `its handler is paused until ${pausedUntil}`,
      pausedUntil,
      ...counted(attempts),
      next,
    };
  }
  if (!outage) return undefined;
  const since = outage.since.toISOString();
  return {
    state: 'waiting',
    why: `the handler's circuit is open since ${since}: everything it does fails`,
    error: outage.reason,
    ...counted(attempts),
    next: hosts > 0 ? `jetplug plugins ${plugin}` : 'jetplug start',
  };
}

function retrying(attempts: AttemptState | undefined, { hosts, durable }: Evidence): Fate | undefined {
  if (!attempts) return undefined;
  const { last, deaths, charged, provisional } = attempts;
  if (!last && charged + provisional + deaths === 0) return undefined;
  const runs = hosts > 0 || durable?.isPulled ? '' : '; no host runs';
  const died = deaths > 0 ? `its process died ${deaths} times; ` : '';
  return {
    state: 'retrying',
    why: `${died}it failed and is tried again${runs}`,
    ...counted(attempts),
    ...(last && { at: iso(last.atMs), dueAt: iso(last.nextAtMs), error: last.error, version: last.version }),
    ...(runs !== '' && { next: 'jetplug start' }),
  };
}

function counted(attempts: AttemptState | undefined): Pick<Fate, 'attempt' | 'attempts'> {
  if (!attempts) return {};
  const { charged, provisional, last } = attempts;
  return { attempt: charged + provisional + 1, ...(last && { attempts: last.attempts }) };
}

function pending({ before, isPulled }: DurableFacts): Fate {
  const runs = isPulled ? '' : '; no host pulls from its durable';
  return {
    state: 'pending',
    why: `not delivered yet${runs}`,
    ...(before !== undefined && { before }),
    ...(!isPulled && { next: 'jetplug start' }),
  };
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
