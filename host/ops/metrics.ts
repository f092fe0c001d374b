import { Counter, Gauge, Registry } from 'prom-client';
import type { DurablePosition } from '../broker/durable';
import { DURATION_BUCKETS_S, type HandlerCounters } from '../message/counters';
import type { Connection } from '../nats/connection';
import type { PluginEntry, Plugins } from '../plugin/plugins';
import { positionOf } from './status';

type Labels = Readonly<Record<string, string>>;

/** One metric of `/metrics`, under the name `jetplug_<name>`. */
interface Metric {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** The values by their labels; the values of equal labels are added up. */
  samples(host: Measured): Iterable<readonly [labels: Labels, value: number]>;
}

/** The state of a host that the metrics are read from. */
interface Measured {
  readonly plugins: Plugins;
  readonly connection: Connection;
  readonly handlers: readonly MeasuredHandler[];
  /** How many stored events no handler takes, by stream. */
  readonly unhandled: ReadonlyMap<string, number>;
}

interface MeasuredHandler {
  readonly labels: Labels;
  readonly counters: HandlerCounters;
  /** The position of the durable; undefined while the server does not answer. */
  readonly position: DurablePosition | undefined;
}

const HANDLER_LABELS = ['plugin', 'handler'] as const;

/** Every metric but the histogram. A new one needs an entry here and a row in the table of `docs/operating.md`. */
const METRICS: readonly Metric[] = [
  ofHandlers('counter', 'handled_total', 'Events handled', ({ counters }) => counters.handled),
  ofHandlers('counter', 'failed_total', 'Runs of a handler that threw or timed out', ({ counters }) => counters.failed),
  ofHandlers('counter', 'retried_total', 'Events nacked to be retried', ({ counters }) => counters.retried),
  ofHandlers('counter', 'dead_lettered_total', 'Events dead-lettered', ({ counters }) => counters.deadLettered),
  ofHandlers(
    'counter',
    'conflicts_total',
    'Runs that started again because a value that they had read was changed',
    ({ counters }) => counters.conflicts,
  ),
  ofHandlers('gauge', 'pending', 'Events in the stream not delivered yet', ({ position }) => position?.pending),
  ofHandlers(
    'gauge',
    'in_flight',
    'Events delivered and not settled, over all hosts',
    ({ position }) => position?.inFlight,
  ),
  {
    kind: 'gauge',
    name: 'plugin_up',
    help: 'Whether a plugin runs',
    labels: ['plugin', 'state'],
    samples: ({ plugins }) =>
      plugins.entries.map(({ name: plugin, state }) => [{ plugin, state }, state === 'running' ? 1 : 0]),
  },
  {
    kind: 'gauge',
    name: 'connected',
    help: 'Whether the broker is connected',
    labels: [],
    samples: ({ connection }) => [[{}, connection.connected ? 1 : 0]],
  },
  {
    kind: 'counter',
    name: 'process_restarts_total',
    help: 'Processes of an isolated plugin that were started again',
    labels: ['plugin'],
    samples: ({ plugins }) => processesOf(plugins).map(({ plugin, restarts }) => [{ plugin }, restarts]),
  },
  {
    kind: 'gauge',
    name: 'process_resident_bytes',
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
    name: 'reloads_total',
    help: 'Changes of a plugin, by their outcome',
    labels: ['plugin', 'outcome'],
    samples: ({ plugins }) => plugins.reloads.counts.map(({ plugin, outcome, count }) => [{ plugin, outcome }, count]),
  },
  {
    kind: 'counter',
    name: 'late_errors_total',
    help: 'Errors that nobody caught',
    labels: ['plugin'],
    samples: ({ plugins }) => [...plugins.faults.counts].map(([plugin, { lateErrors }]) => [{ plugin }, lateErrors]),
  },
  {
    kind: 'counter',
    name: 'event_loop_blocks_total',
    help: 'How often the event loop was blocked',
    labels: ['plugin'],
    samples: ({ plugins }) => [...plugins.faults.counts].map(([plugin, { blocks }]) => [{ plugin }, blocks]),
  },
  {
    kind: 'gauge',
    name: 'unhandled_events',
    help: 'Events in a stream that no handler takes',
    labels: ['stream'],
    samples: ({ unhandled }) => [...unhandled].map(([stream, events]) => [{ stream }, events]),
  },
];

/**
 * The text of `/metrics`. It is built from plain counters at each request, so counting an event costs nothing.
 * @param unhandled how many stored events no handler takes, by stream
 */
export async function metricsText(
  plugins: Plugins,
  connection: Connection,
  unhandled: ReadonlyMap<string, number> = new Map(),
): Promise<{ type: string; text: string }> {
  const registry = new Registry();
  const host: Measured = { plugins, connection, handlers: await measureHandlers(plugins, connection), unhandled };
  for (const metric of METRICS) register(metric, host, registry);
  registry.registerMetric(handlingSeconds(host));
  return { type: registry.contentType, text: await registry.metrics() };
}

async function measureHandlers({ entries }: Plugins, connection: Connection): Promise<MeasuredHandler[]> {
  return Promise.all(
    entries.flatMap(({ name: plugin, handlers }) =>
      handlers.map(async ({ definition, counters, durable: { stream, durable } }) => ({
        labels: { plugin, handler: definition.name },
        counters,
        position: await positionOf(connection, stream, durable),
      })),
    ),
  );
}

function register({ kind, name, help, labels, samples }: Metric, host: Measured, registry: Registry): void {
  const options = { name: `jetplug_${name}`, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'counter') {
    const counter = new Counter(options);
    for (const [at, value] of samples(host)) counter.inc(at, value);
    return;
  }
  // Two files may hold a plugin of one name for a moment: a gauge is not the sum of both.
  const gauge = new Gauge(options);
  for (const [at, value] of samples(host)) gauge.set(at, value);
}

/** A metric with one value for each handler that runs. A handler without a value has no sample. */
function ofHandlers(
  kind: Metric['kind'],
  name: string,
  help: string,
  valueOf: (handler: MeasuredHandler) => number | undefined,
): Metric {
  return {
    kind,
    name,
    help,
    labels: HANDLER_LABELS,
    *samples({ handlers }) {
      for (const handler of handlers) {
        const value = valueOf(handler);
        if (value !== undefined) yield [handler.labels, value];
      }
    },
  };
}

function processesOf({ entries }: Plugins): ({ plugin: string } & NonNullable<PluginEntry['processes']>[number])[] {
  return entries.flatMap(({ name: plugin, processes = [] }) => processes.map((process) => ({ plugin, ...process })));
}

/** The histogram of handling times, from each handler's own buckets. */
function handlingSeconds({ handlers }: Measured): Gauge {
  const name = 'jetplug_handling_seconds';
  const help = 'Time from the start of a handler to its end';
  const values = handlers.flatMap(({ labels, counters }) => {
    let count = 0;
    const buckets = counters.durations.map((inBucket, i) => {
      count += inBucket;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: DURATION_BUCKETS_S[i] ?? '+Inf' }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: counters.durationSumS },
      { metricName: `${name}_count`, labels, value: count },
    ];
  });
  // A histogram of prom-client prints only its own observations. A gauge prints the values that its `get` returns.
  const carrier = new Gauge({ name, help, labelNames: HANDLER_LABELS, registers: [] });
  const printed = { name, help, type: 'histogram', aggregator: 'sum', values };
  return Object.assign(carrier, { get: () => Promise.resolve(printed) });
}
