import { Counter, Gauge, Registry } from 'prom-client';
import type { Connection } from '../nats/connection';
import type { Plugins } from '../plugin/plugins';
import { DURATION_BUCKETS_S } from '../message/counters';
import { pluginStatuses } from './status';

const LABELS = ['plugin', 'handler'] as const;

/** What `/metrics` answers: read from plain counters when somebody asks, so that counting costs nothing. */
export async function metricsText(
  plugins: Plugins,
  connection: Connection,
  /** Events that no handler takes, by stream. */
  unhandled: ReadonlyMap<string, number> = new Map(),
): Promise<{ type: string; text: string }> {
  const registry = new Registry();
  const options = { registers: [registry], labelNames: LABELS };
  const counter = (name: string, help: string) => new Counter({ name: `jetplug_${name}`, help, ...options });
  const gauge = (name: string, help: string) => new Gauge({ name: `jetplug_${name}`, help, ...options });

  const handled = counter('handled_total', 'Events handled');
  const failed = counter('failed_total', 'Runs of a handler that threw or timed out');
  const retried = counter('retried_total', 'Events given back to be tried again');
  const deadLettered = counter('dead_lettered_total', 'Events dead-lettered');
  const pending = gauge('pending', 'Events in the stream not delivered yet');
  const inFlight = gauge('in_flight', 'Events delivered and not settled, over all hosts');
  const up = new Gauge({
    name: 'jetplug_plugin_up',
    help: 'Whether a plugin runs',
    registers: [registry],
    labelNames: ['plugin', 'state'],
  });
  new Gauge({ name: 'jetplug_connected', help: 'Whether the broker is connected', registers: [registry] }).set(
    connection.connected ? 1 : 0,
  );

  const restarts = new Counter({
    name: 'jetplug_process_restarts_total',
    help: 'Processes of an isolated plugin that were started again',
    registers: [registry],
    labelNames: ['plugin'],
  });
  const resident = new Gauge({
    name: 'jetplug_process_resident_bytes',
    help: 'Memory of the processes of an isolated plugin, as they told last',
    registers: [registry],
    labelNames: ['plugin'],
  });
  for (const status of await pluginStatuses(plugins, connection)) {
    const { plugin, processes = [] } = status;
    for (const process of processes) {
      restarts.inc({ plugin }, process.restarts);
      resident.inc({ plugin }, process.residentBytes ?? 0);
    }
    up.set({ plugin: status.plugin, state: status.state }, status.state === 'running' ? 1 : 0);
    for (const handler of status.handlers) {
      const labels = { plugin: status.plugin, handler: handler.handler };
      handled.inc(labels, handler.handled);
      failed.inc(labels, handler.failed);
      retried.inc(labels, handler.retried);
      deadLettered.inc(labels, handler.deadLettered);
      if (handler.pending !== undefined) pending.set(labels, handler.pending);
      if (handler.inFlight !== undefined) inFlight.set(labels, handler.inFlight);
    }
  }
  const reloads = new Counter({
    name: 'jetplug_reloads_total',
    help: 'Changes of a plugin, by what became of them',
    registers: [registry],
    labelNames: ['plugin', 'outcome'],
  });
  for (const { plugin, outcome, count } of plugins.reloads.counts) reloads.inc({ plugin, outcome }, count);
  countFaults(plugins, registry);
  countUnhandled(unhandled, registry);
  registry.registerMetric(durations(plugins));
  return { type: registry.contentType, text: await registry.metrics() };
}

function countFaults({ faults }: Plugins, registry: Registry): void {
  const options = { registers: [registry], labelNames: ['plugin'] };
  const late = new Counter({ name: 'jetplug_late_errors_total', help: 'Errors that nobody caught', ...options });
  const help = 'How often the event loop was blocked';
  const blocks = new Counter({ name: 'jetplug_event_loop_blocks_total', help, ...options });
  for (const [plugin, count] of faults.counts) {
    late.inc({ plugin }, count.lateErrors);
    blocks.inc({ plugin }, count.blocks);
  }
}

function countUnhandled(unhandled: ReadonlyMap<string, number>, registry: Registry): void {
  const gauge = new Gauge({
    name: 'jetplug_unhandled_events',
    help: 'Events in a stream that no handler takes',
    registers: [registry],
    labelNames: ['stream'],
  });
  for (const [stream, events] of unhandled) gauge.set({ stream }, events);
}

/** The handling times, from each handler's own buckets. */
function durations(plugins: Plugins): Gauge {
  const name = 'jetplug_handling_seconds';
  const help = 'Time from the start of a handler to its end';
  const values = plugins.entries.flatMap((entry) =>
    entry.handlers.flatMap(({ definition, counters }) => {
      const labels = { plugin: entry.name, handler: definition.name };
      let count = 0;
      const buckets = counters.durations.map((inBucket, i) => {
        count += inBucket;
        return {
          metricName: `${name}_bucket`,
          labels: { ...labels, le: DURATION_BUCKETS_S[i] ?? '+Inf' },
          value: count,
        };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: counters.durationSumS },
        { metricName: `${name}_count`, labels, value: count },
      ];
    }),
  );
  // The client's histogram prints only what it has observed itself; of a gauge it prints what `get` gives.
  const carrier = new Gauge({ name, help, labelNames: LABELS, registers: [] });
  const printed = { name, help, type: 'histogram', aggregator: 'sum', values };
  return Object.assign(carrier, { get: () => Promise.resolve(printed) });
}
