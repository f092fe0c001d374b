import { isPublishSubject, JetplugError } from '../../sdk/internal';
import type { Logger } from '../../sdk';
import { machineTime, type Time } from '../base/time';
import type { PluginBroker } from '../broker/plugin-broker';
import type { Config } from '../config/config';
import type { KeyValue } from '../records/key-value';
import { Settlements } from '../records/settlements';
import type { MessageRef } from '../broker/delivery';
import { KvAttemptLog } from '../message/failures/attempts';
import type { CircuitBefore } from '../message/failures/circuit-breaker';
import type { HandlerCounters } from '../message/counters';
import { Outages } from '../message/failures/outages';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import type { CommitLogs } from './commit-logs';
import type { PluginHost } from './plugin-host';
import type { DurableSpec, DurablePosition } from '../broker/durable';
import { streamFor, streamsText } from '../broker/stream-state';

/** A handler's durable consumer, and the host's data about the handler. */
export interface ReconciledDurable {
  readonly durable: DurableSpec;
  readonly settlements: Settlements;
  readonly attempts: KvAttemptLog;
  readonly outages: Outages;
  /**
   * The state of the circuit when the previous host ended: the outage, if the circuit was open, and the messages that
   * had failed since the handler's last success.
   */
  readonly before: CircuitBefore;
  /** The counters of the consumption that a new one replaces. */
  readonly counters?: HandlerCounters;
}

/** The services of the host that create and correct a durable. */
export interface DurableHost {
  readonly broker: Pick<PluginBroker, 'ensureDurable' | 'streamCreated' | 'durableCheckpoint'>;
  readonly records: KeyValue;
  readonly commits: Pick<CommitLogs, 'get'>;
  /** Default: the machine's time. */
  readonly time?: Time;
  readonly log: Logger;
}

/**
 * Gives a handler its durable consumer on the stream that holds its subject, and reads the host's data about the
 * handler. A durable that was deleted continues behind the settled events.
 * @throws JetplugError `JP_CONSUMER_FOREIGN` or `JP_CONSUMER_NOT_UPDATABLE`
 */
export async function reconcileHandler(
  plugin: PluginDefinition,
  durable: DurableSpec,
  host: PluginHost,
): Promise<ReconciledDurable> {
  const [settlements, outages] = await Promise.all([
    openSettlements(durable, host),
    Outages.open(host.records, durable.durable),
  ]);
  const { former, ignoredFrom } = await ensureDurableAt(durable, settlements, host);
  const about = aboutOf(durable);
  if (former) {
    host.log.info('a handler still takes the events that wait under its earlier subjects', { ...about, former });
  }
  if (ignoredFrom) {
    host.log.info('the option from has no effect, because the durable consumer exists', { ...about, ...ignoredFrom });
  }
  const attempts = new KvAttemptLog(host.records, durable.durable, outages, host.commits.host);
  const failing = await findFailing(attempts, settlements, plugin.name, durable, host);
  const delivered = former ? { ...durable, former } : durable;
  return { durable: delivered, settlements, attempts, outages, before: { outage: outages.ongoing, failing } };
}

/**
 * Finds the messages of a durable that failed since the handler's last success. Removes the records of settled messages,
 * unless a dead letter must still be made from them.
 */
export function findFailing(
  attempts: KvAttemptLog,
  settlements: Settlements,
  plugin: string,
  { stream }: Pick<DurableSpec, 'stream'>,
  { commits }: Pick<PluginHost, 'commits'>,
): Promise<MessageRef[]> {
  const needsLetter = async ({ sequence }: MessageRef): Promise<boolean> =>
    (await commits.get(plugin)?.needsLetter(settlements, sequence)) ?? false;
  return attempts.failing(stream, settlements, needsLetter);
}

/**
 * Creates the durable if it is missing, at its `from` or behind the settled events, and corrects its settings. Records
 * where it begins.
 * @throws JetplugError `JP_CONSUMER_FOREIGN` or `JP_CONSUMER_NOT_UPDATABLE`
 */
export async function ensureDurableAt(
  durable: DurableSpec,
  settlements: Settlements,
  host: DurableHost,
): Promise<DurablePosition> {
  if (durable.mayRecreate) await notePosition(durable, settlements, host);
  const position = await host.broker.ensureDurable({
    ...durable,
    ...(settlements.knowsPosition && { resumeAfter: settlements.floor }),
  });
  settlements.follow(position.created);
  settlements.settleUpTo(position.ackFloor);
  await settlements.recordStart();
  const { corrected, limited } = position;
  const about = aboutOf(durable);
  if (corrected) {
    host.log.warn('the settings of a durable consumer are corrected', { ...about, changes: corrected });
  }
  if (limited) {
    host.log.info('limits of the server or the stream set settings of a durable consumer; they are kept', {
      ...about,
      kept: limited,
    });
  }
  return position;
}

/**
 * Stores the durable's position among the settlements, before the durable may be deleted and created again. A crash
 * between both then loses no position.
 */
async function notePosition(durable: DurableSpec, settlements: Settlements, { broker }: DurableHost): Promise<void> {
  const checkpoint = await broker.durableCheckpoint(durable);
  if (!checkpoint) return;
  // The ack floor of a durable that skips events lies behind events that no host has handled.
  if (checkpoint.isComplete || !settlements.knowsPosition) settlements.settleUpTo(checkpoint.ackFloor);
  await settlements.store();
}

/** The fields of a log line about a durable. */
function aboutOf({ stream, durable, owner: { plugin, handler } }: DurableSpec): object {
  return { plugin, handler, stream, durable };
}

/** Reads which events of the durable's stream the handler has settled. */
export async function openSettlements(durable: DurableSpec, host: DurableHost): Promise<Settlements> {
  const { broker, records, commits, time = machineTime } = host;
  const { plugin } = durable.owner;
  const settlements = await Settlements.open({
    records,
    durable: durable.durable,
    stream: durable.stream,
    streamCreated: await broker.streamCreated(durable.stream),
    hasWildcards: !isPublishSubject(durable.subject),
    time,
    checkpoint: () => broker.durableCheckpoint(durable),
    failed: (error) =>
      host.log.warn('settlements could not be stored; trying again', {
        plugin,
        durable: durable.durable,
        err: error,
      }),
  });
  commits.get(plugin)?.add(settlements);
  return settlements;
}

/**
 * Returns the durable that a handler asks for.
 * @throws JetplugError `JP_HANDLER_NO_STREAM` when no stream holds its subject
 */
export function specOf(
  plugin: PluginDefinition,
  handler: HandlerDefinition,
  streams: Parameters<typeof streamFor>[0],
  { delivery, deploy }: Pick<Config, 'delivery' | 'deploy'>,
): DurableSpec {
  const stream = streamFor(streams, handler.subject);
  if (stream === undefined) {
    const message = `${plugin.name}.${handler.name} subscribes to ${handler.subject}; ${streamsText(streams)}`;
    throw new JetplugError('JP_HANDLER_NO_STREAM', message, { plugin: plugin.name, ...handler.where });
  }
  return {
    stream,
    durable: handler.durable,
    subject: handler.subject,
    from: handler.from,
    ackWaitMs: delivery.ackWaitMs,
    maxAckPending: delivery.maxAckPending,
    // The order of the events of a key holds over all hosts.
    ...(handler.key !== undefined && { isPinned: true }),
    owner: { plugin: plugin.name, handler: handler.name },
    deployment: deploy.name,
    ...(deploy.onRecreate === 'keep-position' && { mayRecreate: true }),
  };
}
