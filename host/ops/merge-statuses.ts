import type { ProcessState } from '../load/plugin-code';
import type { PluginFaults } from '../plugin/faults';
import type { PluginState } from '../plugin/plugins';
import type { HandlerStatus, RunTimes } from './status';

/** The fields of a handler's status that are merged over several hosts. */
type HandlerFigures = Pick<
  HandlerStatus,
  | 'handler'
  | 'activeOn'
  | 'handled'
  | 'failed'
  | 'retried'
  | 'deadLettered'
  | 'conflicts'
  | 'conflictKey'
  | 'lagMs'
  | 'runTimes'
> & {
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
  const [worst] = [a, b]
    .flatMap(({ conflictKey }) => conflictKey ?? [])
    .sort((one, other) => other.conflicts - one.conflicts);
  return {
    ...worseOf(a, b),
    ...(a.activeOn && b.activeOn && { activeOn: [...new Set([...a.activeOn, ...b.activeOn])].sort() }),
    handled: a.handled + b.handled,
    failed: a.failed + b.failed,
    retried: a.retried + b.retried,
    deadLettered: a.deadLettered + b.deadLettered,
    conflicts: a.conflicts + b.conflicts,
    ...mergeTimes(a, b),
    ...(worst && { conflictKey: worst }),
  };
}

/** The hosts read the lag of the same durable at different times; the newer value is not known, so the greater counts. */
function mergeTimes(a: HandlerFigures, b: HandlerFigures): Pick<HandlerFigures, 'lagMs' | 'runTimes'> {
  const lags = [a, b].flatMap(({ lagMs }) => lagMs ?? []);
  const runTimes = a.runTimes && b.runTimes ? addRunTimes(a.runTimes, b.runTimes) : (a.runTimes ?? b.runTimes);
  return { ...(lags.length > 0 && { lagMs: Math.max(...lags) }), ...(runTimes && { runTimes }) };
}

/** Hosts of different releases may have different buckets, which cannot be added. */
function addRunTimes(a: RunTimes, b: RunTimes): RunTimes {
  if (a.boundsS.join() !== b.boundsS.join()) return a;
  return { boundsS: a.boundsS, counts: a.counts.map((count, i) => count + b.counts[i]!) };
}
