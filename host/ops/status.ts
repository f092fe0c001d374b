import type { ErrorReport } from '../../sdk/internal';
import { durablePosition } from '../nats/consumers';
import type { Connection } from '../nats/connection';
import type { ConsumingHandler } from '../plugin/consume';
import type { HandlerState, WaitsFor } from '../plugin/handler-status';
import type { PluginFaults } from '../plugin/faults';
import type { ProcessState } from '../load/plugin-code';
import type { PluginEntry, Plugins, PluginState } from '../plugin/plugins';
import type { Reload } from '../plugin/reloads';
import type { DurablePosition } from '../broker/durable';

/** A plugin as `jetplug plugins --json` shows it. */
export interface PluginStatus {
  readonly plugin: string;
  readonly file: string;
  readonly version?: string;
  readonly state: PluginState;
  readonly error?: ErrorReport;
  /** The processes of an isolated plugin, over the hosts that answered. */
  readonly processes?: readonly ProcessState[];
  /** The outcomes of its last changes, the newest last. */
  readonly reloads: readonly Reload[];
  /** Its faults outside its handlers' runs, summed over the hosts that answered. */
  readonly faults: PluginFaults;
  readonly handlers: readonly HandlerStatus[];
}

export interface HandlerStatus {
  readonly handler: string;
  readonly subject: string;
  readonly stream: string;
  readonly durable: string;
  readonly state: HandlerState;
  /**
   * Why it does not pull: its `durable` is missing, the durable was `refused` or refuses to deliver, its `circuit` is
   * open, or too many events wait for their `order`.
   */
  readonly waitsFor?: WaitsFor;
  /** The reason in words, where its durable is the reason. */
  readonly reason?: string;
  /** The end of the pause, in ISO 8601, and the time until then, where an operator has paused its durable on the server. */
  readonly pausedUntil?: string;
  readonly pauseRemainingMs?: number;
  /** Settings of its durable that another host of the deployment has changed, such as `ack_wait: 30 s → 15 s`. */
  readonly drift?: readonly string[];
  /** Events that are not delivered yet; absent where the server does not answer. */
  readonly pending?: number;
  /** Events that are delivered and not settled, over all hosts. */
  readonly inFlight?: number;
  /** Counted since the process started, and summed over the hosts that answered. */
  readonly handled: number;
  readonly failed: number;
  readonly retried: number;
  readonly deadLettered: number;
  readonly lastError?: string;
  /** `open`: every event failed, so the events wait in the stream, and only probes run. */
  readonly circuit: 'closed' | 'open';
  /** The time when the circuit opened, in ISO 8601, and the error that opened it. */
  readonly outage?: { readonly since: string; readonly reason: string };
}

/** The fields of a handler's status that are merged over several hosts. */
type HandlerFigures = Pick<HandlerStatus, 'handler' | 'handled' | 'failed' | 'retried' | 'deadLettered'> & {
  readonly state: string;
};

/** A plugin's status in one host. It may have further fields. */
interface Mergeable {
  readonly plugin: string;
  readonly state: string;
  readonly faults: PluginFaults;
  readonly handlers: readonly HandlerFigures[];
  readonly processes?: readonly ProcessState[];
}

/** The status of every plugin of this host, with the position of each durable on the server. */
export async function pluginStatuses(plugins: Plugins, connection: Connection): Promise<PluginStatus[]> {
  return Promise.all(plugins.entries.map((entry) => statusOf(entry, plugins, connection)));
}

export async function statusOf(
  entry: PluginEntry,
  { faults }: Pick<Plugins, 'faults'>,
  connection: Connection,
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
    handlers: await Promise.all(entry.handlers.map((handler) => handlerStatus(handler, connection))),
  };
}

async function handlerStatus(handler: ConsumingHandler, connection: Connection): Promise<HandlerStatus> {
  const { definition, durable, counters, state, waitsFor, reason, pausedUntil, drift } = handler;
  const position = await positionOf(connection, durable.stream, durable.durable);
  const { handled, failed, retried, deadLettered, lastError } = counters;
  return {
    handler: definition.name,
    subject: durable.subject,
    stream: durable.stream,
    durable: durable.durable,
    state,
    ...(waitsFor && { waitsFor }),
    ...(reason !== undefined && { reason }),
    ...(pausedUntil && {
      pausedUntil: pausedUntil.toISOString(),
      pauseRemainingMs: Math.max(0, pausedUntil.getTime() - Date.now()),
    }),
    ...(drift.length > 0 && { drift }),
    ...(position && { pending: position.pending, inFlight: position.inFlight }),
    handled,
    failed,
    retried,
    deadLettered,
    ...(lastError === undefined ? {} : { lastError }),
    circuit: handler.circuit.outage ? 'open' : 'closed',
    ...(handler.circuit.outage && {
      outage: { since: handler.circuit.outage.since.toISOString(), reason: handler.circuit.outage.reason },
    }),
  };
}

/** A durable's position on the server; undefined where the server does not answer, so that the other figures are still shown. */
export async function positionOf(
  connection: Connection,
  stream: string,
  durable: string,
): Promise<DurablePosition | undefined> {
  return connection.connected ? durablePosition(connection, stream, durable).catch(() => undefined) : undefined;
}

/** Merges the answers of several hosts: the figures of a plugin are summed, and its worst state counts. */
export function mergeStatuses<P extends Mergeable>(answers: readonly (readonly P[])[]): P[] {
  const merged = new Map<string, P>();
  for (const answer of answers) {
    const seen = new Map<string, number>();
    // Two files of one host with the same plugin name are not merged. The one that runs comes first.
    for (const status of [...answer].sort((a, b) => b.handlers.length - a.handlers.length)) {
      const nth = seen.get(status.plugin) ?? 0;
      seen.set(status.plugin, nth + 1);
      const key = `${status.plugin} ${nth}`;
      const other = merged.get(key);
      merged.set(key, other ? mergePlugin(other, status) : status);
    }
  }
  return [...merged.values()].sort((a, b) => (a.plugin < b.plugin ? -1 : 1));
}

const BADNESS: readonly string[] = [
  'running',
  'stopped',
  'loading',
  'paused',
  'waiting',
  'failed',
] satisfies PluginState[];

function mergePlugin<P extends Mergeable>(a: P, b: P): P {
  const worse = worseOf(a, b);
  const handlers = new Map(a.handlers.map((handler) => [handler.handler, handler]));
  for (const handler of b.handlers) {
    const other = handlers.get(handler.handler);
    handlers.set(handler.handler, other ? mergeHandler(other, handler) : handler);
  }
  const processes = [...(a.processes ?? []), ...(b.processes ?? [])];
  return {
    ...worse,
    ...(processes.length > 0 && { processes }),
    faults: mergeFaults(a.faults, b.faults),
    handlers: [...handlers.values()],
  };
}

function worseOf<S extends { readonly state: string }>(a: S, b: S): S {
  return BADNESS.indexOf(b.state) > BADNESS.indexOf(a.state) ? b : a;
}

function mergeFaults(a: PluginFaults, b: PluginFaults): PluginFaults {
  return { ...a, ...b, lateErrors: a.lateErrors + b.lateErrors, blocks: a.blocks + b.blocks };
}

function mergeHandler<H extends HandlerFigures>(a: H, b: H): H {
  return {
    ...worseOf(a, b),
    handled: a.handled + b.handled,
    failed: a.failed + b.failed,
    retried: a.retried + b.retried,
    deadLettered: a.deadLettered + b.deadLettered,
  };
}
