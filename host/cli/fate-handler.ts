import { covers } from '../../sdk/internal';
import type { AttemptState } from '../message/failures/attempt-record';
import type { Outage } from '../message/failures/outages';
import type { DeliveryState } from '../message/intake/buffered-delivery';
import type { DeadLetterSummary } from '../ops/dead-letter-summary';
import type { CommittedRun } from '../records/commits/find-runs';

/** What became of an event in one handler; docs/tracing.md explains each word. */
export type FateState =
  | 'done'
  | 'running'
  | 'retrying'
  | 'waiting'
  | 'deferred'
  | 'dead-lettered'
  | 'pending'
  | 'filtered'
  | 'before-deployment'
  | 'unknown';

/** The fate of an event in one handler, as `jetplug fate --json` shows it. Times are in ISO 8601. */
export interface Fate {
  readonly state: FateState;
  /** The state in words. */
  readonly why: string;
  /** When the handler returned, or failed last. */
  readonly at?: string;
  /** The number of the attempt that ended the event, or of the next one, from 1. */
  readonly attempt?: number;
  /** How many attempts the handler allows. */
  readonly attempts?: number;
  /** The version of the plugin that ran last. */
  readonly version?: string;
  /** The id of the host that committed the run; the log of each host's start has its id. */
  readonly host?: string;
  readonly error?: string;
  /** When the next attempt is due. */
  readonly dueAt?: string;
  /** The number of the dead letter, if it is stored. */
  readonly letter?: number;
  /** Why the event was dead-lettered. */
  readonly reason?: string;
  /** Whether the dead letter was redriven and waits for its run. */
  readonly redriven?: boolean;
  /** Whether the dead letter is gone, although no run of the event followed. */
  readonly dropped?: boolean;
  /** How many events of the handler are delivered before this one. */
  readonly before?: number;
  /** The end of the pause of the handler's durable. */
  readonly pausedUntil?: string;
  /** The command that helps, if one does. */
  readonly next?: string;
}

/** The facts about an event that decide its fate. */
export interface EventFacts {
  readonly sequence: number;
  /** Absent if the event is gone and no record has it. */
  readonly subject?: string;
  /** Absent if the event is gone. */
  readonly storedAtMs?: number;
  /** Whether the stream does not have the event any more. */
  readonly isGone: boolean;
}

/** A handler's durable as it is on the server. */
export interface DurableFacts {
  /** The subjects that it delivers. */
  readonly filters: readonly string[];
  readonly createdMs: number;
  /** The last sequence of the stream that it has delivered or skipped. */
  readonly delivered: number;
  readonly ackFloor: number;
  /** Where it began, if it began at a sequence or at a time, in milliseconds since 1970. */
  readonly startSequence?: number;
  readonly startMs?: number;
  /** Whether it began with the events that were stored after its creation. */
  readonly deliversNew: boolean;
  readonly pausedUntil?: string;
  /** Whether a host pulls from it. */
  readonly isPulled: boolean;
  /** How many of its events come before this one; absent where the server does not tell. */
  readonly before?: number;
}

/** An event's stay in the retry queue of one handler. */
export interface DeferredFacts {
  readonly dueAtMs: number;
  /** The dead letter that the event was redriven from. */
  readonly letter?: number;
  readonly isSettled: boolean;
  /** The end of the pause of the handler's durable on the retry queue. */
  readonly pausedUntil?: string;
  readonly failures: number;
  readonly attempts?: AttemptState;
}

/** All that is known about one event in one handler. */
export interface Evidence {
  readonly plugin: string;
  readonly handler: string;
  /** Absent if the server has no durable of the handler on the event's stream. */
  readonly durable?: DurableFacts;
  /** Whether the records say that the event is settled. They also say it of events that are not for the handler. */
  readonly isSettled: boolean;
  /** The runs of the event in the plugin's commit log, oldest first, with those of the retry queue. */
  readonly runs: readonly CommittedRun[];
  readonly attempts?: AttemptState;
  readonly outage?: Outage;
  readonly letter?: DeadLetterSummary;
  /** The stays in the retry queue, oldest first. */
  readonly deferred: readonly DeferredFacts[];
  /** The state of the event in a host that answered. */
  readonly inHost?: DeliveryState;
  /** How many hosts have answered. */
  readonly hosts: number;
}

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
      why: `dead-lettered and redriven; ${is}`,
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
    why: 'dead-lettered',
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
  return { state: 'done', why: 'settled; no commit tells when, so a dead letter of it may have been dropped' };
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
function waiting({ outage, plugin, handler, attempts }: Evidence, pausedUntil: string | undefined): Fate | undefined {
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
    next: `jetplug plugins ${plugin}`,
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
