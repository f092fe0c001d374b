import type { ErrorReport } from '../../sdk/internal';
import { hostName } from '../base/host-name';
import { lastsUntilResumed } from '../base/pause-text';
import { durablePosition } from '../nats/consumers';
import type { Connection } from '../nats/connection';
import type { ConflictKey, ConsumingHandler } from '../plugin/consume';
import type { HandlerState, WaitsFor } from '../plugin/handler-status';
import type { PluginFaults } from '../plugin/faults';
import type { ProcessState } from '../load/plugin-code';
import type { PluginEntry, Plugins, PluginState } from '../plugin/plugins';
import type { Reload } from '../plugin/reloads';
import type { DurablePosition } from '../broker/durable';
import type { HandlerLags } from './handler-lags';

/** A plugin as `jetplug plugins --json` shows it. */
export interface PluginStatus {
  readonly plugin: string;
  readonly file: string;
  readonly version?: string;
  readonly state: PluginState;
  readonly error?: ErrorReport;
  /** The processes of an isolated plugin, of all hosts that answered. */
  readonly processes?: readonly ProcessState[];
  /** The outcomes of the last changes of the plugin, the newest last. */
  readonly reloads: readonly Reload[];
  /** The faults outside of handlers' runs, summed over the hosts that answered. */
  readonly faults: PluginFaults;
  readonly handlers: readonly HandlerStatus[];
}

export interface HandlerStatus {
  readonly handler: string;
  readonly subject: string;
  readonly stream: string;
  readonly durable: string;
  readonly state: HandlerState;
  /** The reason why the handler takes no events; {@link WaitsFor} explains each. */
  readonly waitsFor?: WaitsFor;
  /** The reason in words, if the handler's durable or the plugin's commit log is the reason. */
  readonly reason?: string;
  /**
   * The end of the pause, in ISO 8601, if an operator has paused the handler's durable on the server.
   * `pauseRemainingMs` is the time until then. A pause until somebody resumes the handler ends in the year 9999, and has
   * no remaining time.
   */
  readonly pausedUntil?: string;
  readonly pauseRemainingMs?: number;
  /**
   * Settings of the handler's durable that another host of the deployment has changed, such as `ack_wait: 30 s → 15 s`.
   */
  readonly drift?: readonly string[];
  /**
   * The hosts that take the handler's events, as `machine:process`. A handler with a key runs on one of the hosts that
   * answered at a time; on none, if it is idle, or if no host may use its durable. Absent where a host of an earlier
   * release has answered.
   */
  readonly activeOn?: readonly string[];
  /** The number of events that are not delivered yet; absent where the server does not answer. */
  readonly pending?: number;
  /** The number of events that are delivered and not settled, over all hosts. */
  readonly inFlight?: number;
  /**
   * The age of the oldest event that is not settled, in ms; 0 if there is none, absent if it is not known. It is read
   * anew every 15 s.
   */
  readonly lagMs?: number;
  /**
   * The number of handled events since the process started. This count and the next ones are summed over the hosts that
   * answered.
   */
  readonly handled: number;
  readonly failed: number;
  readonly retried: number;
  readonly deadLettered: number;
  /** How often a run has started again, because a value that it had read was changed meanwhile. */
  readonly conflicts: number;
  /** The key of the store that causes most conflicts; absent if the handler's runs start again only rarely. */
  readonly conflictKey?: ConflictKey;
  readonly lastError?: string;
  /** The running times of the handler's calls. */
  readonly runTimes?: RunTimes;
  /**
   * The state of the circuit. `open` means that every event failed, so the events wait in the stream and only probes
   * run.
   */
  readonly circuit: 'closed' | 'open';
  /** The time when the circuit opened, in ISO 8601, and the error that opened it. */
  readonly outage?: { readonly since: string; readonly reason: string };
}

/** Running times, counted in buckets. */
export interface RunTimes {
  /** The upper bounds of the buckets, in seconds, in ascending order. The last bucket has no bound. */
  readonly boundsS: readonly number[];
  /** The number of calls in each bucket. */
  readonly counts: readonly number[];
}

/**
 * The status of every plugin of this host, with the position of each durable on the server.
 * @param lags reads how late each handler is; without it that is left out
 */
export async function pluginStatuses(
  plugins: Plugins,
  connection: Connection,
  lags?: HandlerLags,
): Promise<PluginStatus[]> {
  return Promise.all(plugins.entries.map((entry) => statusOf(entry, plugins, connection, lags)));
}

/** The version of each plugin by its name; null for a plugin that could not be read. */
export function pluginVersions({ entries }: Pick<Plugins, 'entries'>): Readonly<Record<string, string | null>> {
  const versions = new Map<string, string | null>();
  // Of two files with one name, only one runs.
  for (const { name, version } of entries) versions.set(name, version ?? versions.get(name) ?? null);
  return Object.fromEntries(versions);
}

/** Returns the figures of the plugins' handlers, for the statistics of the micro service. */
export function pluginFigures(statuses: readonly PluginStatus[]): object[] {
  return statuses.map(({ plugin, state, handlers }) => ({
    plugin,
    state,
    handlers: handlers.map(({ handler, pending, inFlight, handled, failed, retried, deadLettered }) => ({
      ...{ handler, pending, inFlight, handled, failed, retried, deadLettered },
    })),
  }));
}

export async function statusOf(
  entry: PluginEntry,
  { faults }: Pick<Plugins, 'faults'>,
  connection: Connection,
  lags?: HandlerLags,
): Promise<PluginStatus> {
  const [error] = entry.errors;
  return {
    plugin: entry.name,
    file: entry.file,
    ...(entry.version === undefined ? {} : { version: entry.version }),
    state: entry.state,
    ...(error && { error: error.toJSON() }),
    ...(entry.processes && { processes: entry.processes }),
    reloads: entry.reloads,
    faults: faults.of(entry.name),
    handlers: await Promise.all(entry.handlers.map((handler) => handlerStatus(handler, connection, lags))),
  };
}

async function handlerStatus(
  handler: ConsumingHandler,
  connection: Connection,
  lags?: HandlerLags,
): Promise<HandlerStatus> {
  const { definition, durable, counters, state, waitsFor, reason, pausedUntil, drift, conflictKey } = handler;
  const position = await positionOf(connection, durable.stream, durable.durable);
  const lagS = await lags?.lagS(durable, position, connection);
  const { handled, failed, retried, deadLettered, conflicts, lastError, durations } = counters;
  return {
    handler: definition.name,
    subject: durable.subject,
    stream: durable.stream,
    durable: durable.durable,
    state,
    ...(waitsFor && { waitsFor }),
    ...(reason !== undefined && { reason }),
    ...(pausedUntil && { pausedUntil: pausedUntil.toISOString() }),
    ...(pausedUntil &&
      !lastsUntilResumed(pausedUntil) && { pauseRemainingMs: Math.max(0, pausedUntil.getTime() - Date.now()) }),
    ...(drift.length > 0 && { drift }),
    activeOn: handler.isStandingBy || waitsFor === 'refused' ? [] : [hostName()],
    ...(position && { pending: position.pending, inFlight: position.inFlight }),
    ...(lagS !== undefined && { lagMs: Math.round(lagS * 1_000) }),
    handled,
    failed,
    retried,
    deadLettered,
    conflicts,
    ...(conflictKey && { conflictKey }),
    ...(lastError === undefined ? {} : { lastError }),
    runTimes: { boundsS: durations.boundsS, counts: durations.counts },
    circuit: handler.circuit.outage ? 'open' : 'closed',
    ...(handler.circuit.outage && {
      outage: { since: handler.circuit.outage.since.toISOString(), reason: handler.circuit.outage.reason },
    }),
  };
}

/**
 * Returns a durable's position on the server; undefined where the server does not answer, so that the other figures are
 * still shown.
 */
export async function positionOf(
  connection: Connection,
  stream: string,
  durable: string,
): Promise<DurablePosition | undefined> {
  return connection.connected ? durablePosition(connection, stream, durable).catch(() => undefined) : undefined;
}
