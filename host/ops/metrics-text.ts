import { Counter, Gauge, Registry } from 'prom-client';
import type { Connection } from '../nats/connection';
import type { DriftedStream } from '../nats/stream-keeper';
import type { Plugins } from '../plugin/plugins';
import type { HandlerLags } from './handler-lags';
import type { NewerConfig } from '../nats/generation-record';
import { HOST_METRICS } from './host-metrics';
import { HANDLER_LABELS, type HistogramMetric, type Measured, type MeasuredHandler, type Metric } from './metric';
import { HISTOGRAMS, METRICS } from './metrics';
import { positionOf } from './status';

/** The parts of a host that `/metrics` describes. */
export interface MeasuredHost {
  readonly plugins: Plugins;
  readonly connection: Connection;
  readonly lags: HandlerLags;
  /** The streams that handlers can be on. */
  readonly streams: readonly { readonly name: string }[];
  readonly driftedStreams: readonly DriftedStream[];
  /** Set while the host waits for a newer config of another host. */
  readonly newerConfig: NewerConfig | undefined;
  /** How many stored events no handler takes, by stream; undefined if that is not known. */
  readonly unhandled?: ReadonlyMap<string, number> | undefined;
}

/** The text of `/metrics`. It is built from plain counters at each request, so counting an event costs nothing. */
export async function metricsText(host: MeasuredHost): Promise<{ type: string; text: string }> {
  const { unhandled = new Map<string, number>() } = host;
  const registry = new Registry();
  const measured: Measured = { ...host, unhandled, handlers: await measureHandlers(host) };
  for (const metric of [...METRICS, ...HOST_METRICS]) register(metric, measured, registry);
  for (const histogram of HISTOGRAMS) registry.registerMetric(printed(histogram, measured));
  return { type: registry.contentType, text: await registry.metrics() };
}

/** Reads the counters and the position of each handler. */
export async function measureHandlers({
  plugins,
  connection,
  lags,
}: Pick<MeasuredHost, 'plugins' | 'connection' | 'lags'>): Promise<MeasuredHandler[]> {
  return Promise.all(
    plugins.entries.flatMap(({ name: plugin, handlers }) =>
      handlers.map(async ({ definition, counters, durable, pausedUntil, circuit, drift }) => {
        const position = await positionOf(connection, durable.stream, durable.durable);
        return {
          labels: { plugin, handler: definition.name },
          counters,
          position,
          lagS: await lags.lagS(durable, position, connection),
          isPaused: pausedUntil !== undefined,
          isCircuitOpen: circuit.outage !== undefined,
          drift: drift.length,
        };
      }),
    ),
  );
}

function register({ kind, name, help, labels, samples }: Metric, host: Measured, registry: Registry): void {
  const found = [...samples(host)];
  // Without labels, prom-client would print a value of 0.
  if (found.length === 0 && labels.length === 0) return;
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'counter') {
    const counter = new Counter(options);
    for (const [at, value] of found) counter.inc(at, value);
    return;
  }
  // Two files may hold a plugin of one name for a moment: a gauge is not the sum of both.
  const gauge = new Gauge(options);
  for (const [at, value] of found) gauge.set(at, value);
}

/** A histogram of durations, from each handler's own buckets. */
function printed({ name, help, of }: HistogramMetric, { handlers }: Measured): Gauge {
  const values = handlers.flatMap(({ labels, counters }) => {
    const { counts, boundsS, sumS } = of(counters);
    let count = 0;
    const buckets = counts.map((inBucket, i) => {
      count += inBucket;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: boundsS[i] ?? '+Inf' }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sumS },
      { metricName: `${name}_count`, labels, value: count },
    ];
  });
  // A histogram of prom-client prints only its own observations. A gauge prints the values that its `get` returns.
  const carrier = new Gauge({ name, help, labelNames: HANDLER_LABELS, registers: [] });
  const text = { name, help, type: 'histogram', aggregator: 'sum', values };
  return Object.assign(carrier, { get: () => Promise.resolve(text) });
}
