import { packageVersion } from '../base/package-version';
import { ofHost, type Metric } from './metric';

/**
 * The metrics of the host's own process. Those that any process of Node.js has keep the names of Prometheus's client
 * libraries, so that dashboards of Node.js show them. All are read when `/metrics` is, so the host needs no timer.
 */
export const HOST_METRICS: readonly Metric[] = [
  {
    kind: 'gauge',
    name: 'jetplug_build_info',
    help: 'The versions of Jetplug, Node.js and the NATS server, as labels; always 1',
    labels: ['version', 'node_version', 'server_version'],
    samples: ({ connection }) => {
      const labels = { version: VERSION, node_version: process.version, server_version: connection.version };
      return [[labels, 1]];
    },
  },
  ofHost('gauge', 'jetplug_connected', 'Whether the broker is connected', ({ connection }) =>
    Number(connection.connected),
  ),
  ofHost(
    'gauge',
    'jetplug_config_outdated',
    'Whether another host of the deployment has a newer config; this host then changes no settings on the server',
    ({ newerConfig }) => Number(newerConfig !== undefined),
  ),
  ofHost('counter', 'jetplug_reconnects_total', 'Reconnects to the broker', ({ connection }) => connection.reconnects),
  ofHost(
    'gauge',
    'jetplug_running_calls',
    'Calls of handlers that run in the host, if their number is limited',
    ({ plugins }) => plugins.limits.calls?.running,
  ),
  ofHost(
    'gauge',
    'jetplug_running_calls_limit',
    'Calls of handlers that may run in the host at the same time, if their number is limited',
    ({ plugins }) => plugins.limits.calls?.most,
  ),
  ofHost(
    'gauge',
    'jetplug_buffered_bytes',
    'Size of the payloads that the handlers hold in the host',
    ({ plugins }) => plugins.limits.memory?.usedBytes,
  ),
  ofHost(
    'gauge',
    'jetplug_buffered_bytes_limit',
    'Size of the payloads above which a handler holds one event at a time; +Inf without a limit',
    ({ plugins }) => plugins.limits.memory?.maxBytes,
  ),
  ofHost(
    'counter',
    'jetplug_received_bytes_total',
    'Bytes of the messages received from the broker',
    ({ connection }) => connection.traffic.receivedBytes,
  ),
  ofHost(
    'counter',
    'jetplug_sent_bytes_total',
    'Bytes of the messages that the NATS client sent to the broker, without acknowledgements',
    ({ connection }) => connection.traffic.sentBytes,
  ),
  ofHost(
    'counter',
    'jetplug_event_loop_active_seconds_total',
    'Time for which the event loop ran code',
    () => performance.eventLoopUtilization().active / 1_000,
  ),
  ofHost(
    'counter',
    'jetplug_event_loop_idle_seconds_total',
    'Time for which the event loop waited for work',
    () => performance.eventLoopUtilization().idle / 1_000,
  ),
  ofHost('counter', 'process_cpu_seconds_total', 'CPU time of the host, user and system', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }),
  ofHost('gauge', 'process_start_time_seconds', 'Start of the host, in seconds since 1970', () =>
    Math.round(performance.timeOrigin / 1_000),
  ),
  ofHost('gauge', 'process_resident_memory_bytes', 'Resident memory of the host', () => process.memoryUsage.rss()),
  ofHost('gauge', 'nodejs_heap_size_used_bytes', 'Used heap of the host', () => process.memoryUsage().heapUsed),
];

const VERSION = packageVersion();
