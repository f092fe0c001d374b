import { covers } from '../../sdk/internal';
import { isLetterOf } from '../broker/letter-headers';
import { RETRY_STREAM } from '../broker/stream-state';
import type { Config } from '../config/config';
import { attemptsKey, parseRecord, stateOf, type AttemptState } from '../message/failures/attempt-record';
import { Outages } from '../message/failures/outages';
import { Bucket } from '../nats/bucket';
import { JetStreamLog } from '../nats/commit-log';
import type { Connection } from '../nats/connection';
import { DeadLetterStream } from '../nats/dead-letter-stream';
import { countBefore, handlerPositions, type HandlerPosition } from '../nats/handler-positions';
import { deferralsOf, type StoredDeferral } from '../nats/retry-queue';
import { askHosts } from '../nats/service';
import { findStream } from '../nats/streams';
import { RECORDS_BUCKET } from '../nats/wanted-streams';
import { summarise, type DeadLetterSummary } from '../ops/dead-letter-summary';
import type { EventInHost } from '../ops/event-in-host';
import { CheckpointStore } from '../records/commits/checkpoint';
import { findRuns, type CommittedRun } from '../records/commits/find-runs';
import type { KeyValue } from '../records/key-value';
import { parseSettled, settledKey } from '../records/settled-record';
import { SettledSet } from '../records/settled-set';
import type { AskedEvent } from './fate-event';
import type { EventFacts, Evidence } from './fate-facts';
import { progressBar } from './progress';

/** The evidence about an event, of all handlers that are known. */
export interface FoundEvidence {
  readonly event: EventFacts;
  readonly handlers: readonly Evidence[];
  /** How many hosts have answered. */
  readonly hosts: number;
}

/** Reads all that the server, and the hosts that run, know about an event. Changes nothing. */
export async function gatherEvidence(
  connection: Connection,
  config: Config,
  asked: AskedEvent,
): Promise<FoundEvidence> {
  const shared = await readShared(connection, config, asked);
  const handlers = await Promise.all(handlersIn(shared).map((handler) => evidenceOf(handler, shared)));
  const runs = await runsOf(handlers, shared);
  return {
    event: shared.event,
    handlers: handlers.map((each) => ({ ...each, runs: runs.get(nameOf(each)) ?? [] })),
    hosts: shared.hosts.length,
  };
}

/** The records that all handlers share. */
interface Shared {
  readonly connection: Connection;
  readonly asked: AskedEvent;
  readonly event: EventFacts;
  readonly durables: readonly HandlerPosition[];
  readonly letters: readonly DeadLetterSummary[];
  readonly deferrals: readonly StoredDeferral[];
  /** When the stream of the retry queue was created; absent if there is none. */
  readonly retryCreated: string | undefined;
  readonly hosts: readonly (readonly EventInHost[])[];
  /** The host's own bucket; absent if no host has run yet. */
  readonly records: KeyValue | undefined;
}

async function readShared(connection: Connection, config: Config, asked: AskedEvent): Promise<Shared> {
  const { stream, sequence, stored } = asked;
  const [durables, letters, deferrals, retry, hosts, records] = await Promise.all([
    handlerPositions(connection, stream),
    new DeadLetterStream(connection, config.deadLetters.stream).ofEvent(stream, sequence),
    deferralsOf(connection, stream, sequence),
    findStream(connection, RETRY_STREAM),
    askHosts<EventInHost[]>(connection, 'fate', `${stream} ${sequence}`),
    Bucket.find(connection, RECORDS_BUCKET),
  ]);
  const storedAtMs = stored?.storedAtMs;
  // An event of a lost stream may have had the same sequence.
  const createdMs = Date.parse(asked.streamCreated);
  const isOfEvent = (timeMs: number): boolean =>
    storedAtMs === undefined ? timeMs >= createdMs : timeMs === storedAtMs;
  const own = letters.filter(({ headers }) => {
    const timeMs = Date.parse(headers['x-original-time'] ?? '');
    return isOfEvent(timeMs) && isLetterOf(headers, { stream, sequence, storedAtMs: timeMs });
  });
  const stays = deferrals.filter(({ origin }) => isOfEvent(origin.storedAtMs));
  const summaries = own.map(summarise);
  const subject = stored?.subject ?? summaries[0]?.subject ?? stays[0]?.subject;
  const knownAtMs = storedAtMs ?? stays[0]?.origin.storedAtMs;
  return {
    connection,
    asked,
    event: {
      sequence,
      isGone: stored === undefined,
      ...(subject !== undefined && { subject }),
      ...(knownAtMs !== undefined && { storedAtMs: knownAtMs }),
    },
    durables,
    letters: summaries,
    deferrals: stays,
    retryCreated: retry?.created,
    hosts,
    records,
  };
}

type Named = Pick<Evidence, 'plugin' | 'handler'>;

function nameOf({ plugin, handler }: Named): string {
  return `${plugin}.${handler}`;
}

/** The handlers that have a durable on the stream, or a record of the event. */
function handlersIn({ durables, letters, deferrals, hosts }: Shared): Named[] {
  const all = [...durables, ...letters, ...deferrals, ...hosts.flat()];
  const byName = new Map(all.map(({ plugin, handler }) => [nameOf({ plugin, handler }), { plugin, handler }]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, handler]) => handler);
}

async function evidenceOf(named: Named, shared: Shared): Promise<Evidence> {
  const { connection, asked, event, records, hosts } = shared;
  const { stream, sequence } = asked;
  const name = nameOf(named);
  const durable = shared.durables.find((each) => nameOf(each) === name);
  const letter = shared.letters.find((each) => nameOf(each) === name);
  const inHost = hosts.flat().find((each) => nameOf(each) === name)?.state;
  const id = durable?.durable ?? `${named.plugin}-${named.handler}`;
  const isAhead = durable !== undefined && sequence > durable.delivered;
  const [settled, checkpointed, attempts, outages, before, deferred] = await Promise.all([
    settledIn(records, id, stream, asked.streamCreated),
    settledInCheckpoint(connection, named.plugin, id, asked.streamCreated),
    attemptsIn(records, id, { stream, sequence, storedAtMs: event.storedAtMs }),
    records && Outages.open(records, id),
    isAhead && takes(durable, event) ? countBefore(connection, stream, durable, sequence) : undefined,
    staysOf(named, id, shared),
  ]);
  return {
    ...named,
    ...(durable && { durable: { ...durable, ...(before !== undefined && { before }) } }),
    isSettled: settled.has(sequence) || checkpointed.has(sequence),
    runs: [],
    ...(attempts && { attempts: current(attempts, outages?.count) }),
    ...(outages?.ongoing && { outage: outages.ongoing }),
    ...(letter && { letter }),
    deferred,
    ...(inHost && { inHost }),
    hosts: hosts.length,
  };
}

function takes({ filters }: HandlerPosition, { subject }: EventFacts): boolean {
  return subject === undefined || filters.some((filter) => covers(filter, subject));
}

/** Failures from before an outage do not count, unless they were charged to the event. */
function current(attempts: AttemptState, outages = 0): AttemptState {
  return attempts.outages < outages ? { ...attempts, provisional: 0 } : attempts;
}

async function settledIn(
  records: KeyValue | undefined,
  durable: string,
  stream: string,
  created: string | undefined,
): Promise<SettledSet> {
  const record = parseSettled((await records?.get(settledKey(durable), { latest: true }))?.value, durable);
  return new SettledSet(record?.stream === stream && record.created === created ? record.ranges : []);
}

/** Returns what the checkpoint of the plugin's commit log has of a handler that its last host did not run. */
async function settledInCheckpoint(
  connection: Connection,
  plugin: string,
  durable: string,
  created: string,
): Promise<SettledSet> {
  const bucket = await Bucket.find(connection, `jetplug-${plugin}`);
  const parts = bucket && (await new CheckpointStore(bucket).read())?.parts;
  const found = parts?.settled.find(([name, incarnation]) => name === durable && incarnation === created);
  return found?.[2] ?? new SettledSet();
}

async function attemptsIn(
  records: KeyValue | undefined,
  durable: string,
  { stream, sequence, storedAtMs }: { stream: string; sequence: number; storedAtMs: number | undefined },
): Promise<AttemptState | undefined> {
  if (storedAtMs === undefined) return undefined;
  const key = attemptsKey(durable, { stream, sequence });
  const text = (await records?.get(key, { latest: true }))?.value;
  return text === undefined ? undefined : stateOf(parseRecord(key, text), { stream, sequence, storedAtMs });
}

/** Returns the stays of the event in the handler's retry queue. */
async function staysOf(named: Named, durable: string, shared: Shared): Promise<Evidence['deferred']> {
  const stays = shared.deferrals.filter((each) => nameOf(each) === nameOf(named));
  if (stays.length === 0) return [];
  const { connection, records, retryCreated } = shared;
  const queue = `${named.plugin}--${named.handler}`;
  const settled = await settledIn(records, queue, RETRY_STREAM, retryCreated);
  const own = (await handlerPositions(connection, RETRY_STREAM)).find((each) => each.durable === queue);
  return Promise.all(
    stays.map(async ({ dueAtMs, past, queueSequence, queuedAtMs }) => {
      const where = { stream: RETRY_STREAM, sequence: queueSequence, storedAtMs: queuedAtMs };
      const attempts = await attemptsIn(records, durable, where);
      return {
        dueAtMs,
        failures: past.failures + (past.provisional ?? 0),
        isSettled: settled.has(queueSequence) || queueSequence <= (own?.ackFloor ?? 0),
        ...(own?.pausedUntil !== undefined && { pausedUntil: own.pausedUntil }),
        ...(past.letter !== undefined && { letter: past.letter }),
        ...(attempts && { attempts }),
      };
    }),
  );
}

/** Reads the runs of the event from the commit logs of the plugins whose handlers may have had it, by handler. */
async function runsOf(handlers: readonly Evidence[], shared: Shared): Promise<ReadonlyMap<string, CommittedRun[]>> {
  const wanted = handlers.filter((each) => mayHaveRun(each, shared.event));
  const runs = new Map(wanted.map((each) => [nameOf(each), [] as CommittedRun[]]));
  for (const plugin of new Set(wanted.map((each) => each.plugin))) {
    const log = await JetStreamLog.find(shared.connection, plugin);
    if (!log) continue;
    const { asked, event, retryCreated } = shared;
    const open = new Set(wanted.filter((each) => each.plugin === plugin).map(nameOf));
    const bar = progressBar(`commits of ${plugin}`);
    try {
      await findRuns(log, {
        stream: asked.stream,
        sequence: asked.sequence,
        sinceMs: event.storedAtMs ?? Date.parse(asked.streamCreated),
        incarnations: new Set([asked.streamCreated, ...(retryCreated === undefined ? [] : [retryCreated])]),
        found: (run) => {
          const name = nameOf({ plugin, handler: run.run.origin.handler });
          runs.get(name)?.push(run);
          if (run.run.part === undefined && !run.run.left) open.delete(name);
          return open.size === 0;
        },
        progress: (done, total) => bar.update(done, total, `${done} of ${total}`),
      });
    } finally {
      bar.stop();
    }
  }
  return runs;
}

function mayHaveRun({ durable, deferred, letter }: Evidence, event: EventFacts): boolean {
  if (deferred.length > 0) return true;
  // The letter of an event that was not redriven is its end.
  if (letter || !durable) return false;
  return event.sequence <= durable.delivered && takes(durable as HandlerPosition, event);
}
