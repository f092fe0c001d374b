import type { PluginEntry, Plugins } from '../plugin/plugins';
import { ofHandlers, type HistogramMetric, type Metric } from './metric';

/**
 * The metrics of handlers and plugins. A new one needs an entry here and a row in the table of `docs/monitoring.md`.
 * Labels are names of plugins, handlers and streams, and fixed words, so that their number is bounded; never subjects or
 * ids.
 */
export const METRICS: readonly Metric[] = [
  ofHandlers('counter', 'jetplug_handled_total', 'Events handled', ({ counters }) => counters.handled),
  ofHandlers(
    'counter',
    'jetplug_failed_total',
    'Runs of a handler that threw or timed out',
    ({ counters }) => counters.failed,
  ),
  ofHandlers('counter', 'jetplug_retried_total', 'Events nacked to be retried', ({ counters }) => counters.retried),
  ofHandlers('counter', 'jetplug_dead_lettered_total', 'Events dead-lettered', ({ counters }) => counters.deadLettered),
  ofHandlers(
    'counter',
    'jetplug_conflicts_total',
    'Runs that started again because a value that they had read was changed',
    ({ counters }) => counters.conflicts,
  ),
  ofHandlers('gauge', 'jetplug_pending', 'Events in the stream not delivered yet', ({ position }) => position?.pending),
  ofHandlers(
    'gauge',
    'jetplug_in_flight',
    'Events delivered and not settled, over all hosts',
    ({ position }) => position?.inFlight,
  ),
  ofHandlers(
    'gauge',
    'jetplug_handler_lag_seconds',
    'Age of the oldest event in the stream that is not settled; 0 if there is none',
    ({ lagS }) => lagS,
  ),
  ofHandlers('gauge', 'jetplug_handler_paused', 'Whether an operator has paused the handler', ({ isPaused }) =>
    Number(isPaused),
  ),
  ofHandlers('gauge', 'jetplug_circuit_open', 'Whether the circuit of the handler is open', ({ isCircuitOpen }) =>
    Number(isCircuitOpen),
  ),
  ofHandlers(
    'gauge',
    'jetplug_durable_drift',
    'Settings of the durable that somebody has changed on the server and that are not put back',
    ({ drift }) => drift,
  ),
  {
    kind: 'gauge',
    name: 'jetplug_stream_drift',
    help: 'Settings of a stream that somebody has changed on the server and that are not put back',
    labels: ['stream'],
    *samples({ streams, driftedStreams }) {
      const counts = new Map(streams.map(({ name }) => [name, 0]));
      for (const { stream, drift } of driftedStreams) counts.set(stream, drift.length);
      for (const [stream, count] of counts) yield [{ stream }, count];
    },
  },
  {
    kind: 'gauge',
    name: 'jetplug_plugin_up',
    help: 'Whether a plugin runs',
    labels: ['plugin', 'state'],
    samples: ({ plugins }) =>
      plugins.entries.map(({ name: plugin, state }) => [{ plugin, state }, state === 'running' ? 1 : 0]),
  },
  {
    kind: 'counter',
    name: 'jetplug_process_restarts_total',
    help: 'Processes of an isolated plugin that were started again',
    labels: ['plugin'],
    samples: ({ plugins }) => processesOf(plugins).map(({ plugin, restarts }) => [{ plugin }, restarts]),
  },
  {
    kind: 'gauge',
    name: 'jetplug_process_resident_bytes',
    help: 'Memory of the processes of an isolated plugin, as they last reported it',
    labels: ['plugin'],
    samples: ({ plugins }) => {
      const bytes = new Map<string, number>();
      for (const { plugin, residentBytes = 0 } of processesOf(plugins)) {
        bytes.set(plugin, (bytes.get(plugin) ?? 0) + residentBytes);
      }
      return [...bytes].map(([plugin, sum]) => [{ plugin }, sum]);
    },
  },
  {
    kind: 'counter',
    name: 'jetplug_reloads_total',
    help: 'Changes of a plugin, by their outcome',
    labels: ['plugin', 'outcome'],
    samples: ({ plugins }) => plugins.reloads.counts.map(({ plugin, outcome, count }) => [{ plugin, outcome }, count]),
  },
  {
    kind: 'counter',
    name: 'jetplug_late_errors_total',
    help: 'Errors that nobody caught',
    labels: ['plugin'],
    samples: ({ plugins }) => [...plugins.faults.counts].map(([plugin, { lateErrors }]) => [{ plugin }, lateErrors]),
  },
  {
    kind: 'counter',
    name: 'jetplug_event_loop_blocks_total',
    help: 'How often the event loop was blocked',
    labels: ['plugin'],
    samples: ({ plugins }) => [...plugins.faults.counts].map(([plugin, { blocks }]) => [{ plugin }, blocks]),
  },
  {
    kind: 'gauge',
    name: 'jetplug_unhandled_events',
    help: 'Events in a stream that no handler takes',
    labels: ['stream'],
    samples: ({ unhandled }) => [...unhandled].map(([stream, events]) => [{ stream }, events]),
  },
];

export const HISTOGRAMS: readonly HistogramMetric[] = [
  {
    name: 'jetplug_handling_seconds',
    help: 'Time from the start of a handler to its end',
    of: ({ durations }) => durations,
  },
  {
    name: 'jetplug_wait_seconds',
    help: 'Time from the storing of an event to the start of its first run',
    of: ({ waits }) => waits,
  },
];

function processesOf({ entries }: Plugins): ({ plugin: string } & NonNullable<PluginEntry['processes']>[number])[] {
  return entries.flatMap(({ name: plugin, processes = [] }) => processes.map((process) => ({ plugin, ...process })));
}
