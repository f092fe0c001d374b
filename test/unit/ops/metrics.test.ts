import { HandlerCounters } from '../../../host/message/counters';
import type { Connection } from '../../../host/nats/connection';
import { HandlerLags } from '../../../host/ops/handler-lags';
import { metricsText } from '../../../host/ops/metrics-text';
import { HostConcurrency } from '../../../host/message/intake/host-concurrency';
import { HostMemory } from '../../../host/message/intake/host-memory';
import type { HostLimits } from '../../../host/plugin/host-limits';
import type { PluginEntry, Plugins } from '../../../host/plugin/plugins';

const OFFLINE = {
  connected: false,
  version: '2.12.1',
  reconnects: 2,
  traffic: { receivedBytes: 10, sentBytes: 20 },
} as Connection;

function plugins(entries: readonly Partial<PluginEntry>[], limits: HostLimits = {}): Plugins {
  const complete = entries.map((entry) => ({ handlers: [], ...entry }));
  return { entries: complete, limits, reloads: { counts: [] }, faults: { counts: new Map() } } as unknown as Plugins;
}

async function samples(host: Plugins, unhandled?: ReadonlyMap<string, number>): Promise<string[]> {
  const { text } = await metricsText({
    ...{ plugins: host, connection: OFFLINE, lags: new HandlerLags(), unhandled },
    streams: [{ name: 'EVENTS' }, { name: 'OTHER' }],
    driftedStreams: [{ stream: 'EVENTS', drift: ['maxAge 1h → 7d'] }],
    newerConfig: undefined,
  });
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a handler has a sample of each of its counters, and none of its position while the server does not answer', async () => {
  const counters = new HandlerCounters();
  counters.handled = 3;
  counters.durations.observe(0.02);
  counters.durations.observe(60);
  counters.waits.observe(0.2);
  const handler = {
    definition: { name: 'award' },
    counters,
    durable: { stream: 'EVENTS', durable: 'badge-award' },
    pausedUntil: new Date(0),
    circuit: {},
    drift: ['ack_wait: 30 s → 15 s'],
  };
  const entry = { name: 'badge', state: 'running', handlers: [handler] } as unknown as PluginEntry;
  const found = await samples(plugins([entry]));
  const labels = 'plugin="badge",handler="award"';
  expect(found).toContain(`jetplug_handled_total{${labels}} 3`);
  expect(found).toContain(`jetplug_failed_total{${labels}} 0`);
  expect(found).toContain(`jetplug_handling_seconds_bucket{${labels},le="0.01"} 0`);
  expect(found).toContain(`jetplug_handling_seconds_bucket{${labels},le="0.025"} 1`);
  expect(found).toContain(`jetplug_handling_seconds_bucket{${labels},le="+Inf"} 2`);
  expect(found).toContain(`jetplug_handling_seconds_count{${labels}} 2`);
  expect(found).toContain(`jetplug_wait_seconds_bucket{${labels},le="0.25"} 1`);
  expect(found).toContain(`jetplug_handler_paused{${labels}} 1`);
  expect(found).toContain(`jetplug_circuit_open{${labels}} 0`);
  expect(found).toContain(`jetplug_durable_drift{${labels}} 1`);
  expect(found).toContain('jetplug_stream_drift{stream="EVENTS"} 1');
  expect(found).toContain('jetplug_stream_drift{stream="OTHER"} 0');
  expect(found).toContain('jetplug_config_outdated 0');
  expect(found.filter((line) => /_(pending|in_flight|lag_seconds)/.test(line))).toEqual([]);
});

test('the processes of a plugin are added up, and a plugin without processes has no sample of them', async () => {
  const process = (restarts: number, residentBytes?: number) => ({ state: 'running', restarts, residentBytes });
  const isolated = { name: 'isolated', state: 'running', processes: [process(1, 100), process(2)] };
  const inline = { name: 'inline', state: 'failed' };
  const found = await samples(plugins([isolated, inline] as unknown as PluginEntry[]));
  expect(found).toContain('jetplug_process_restarts_total{plugin="isolated"} 3');
  expect(found).toContain('jetplug_process_resident_bytes{plugin="isolated"} 100');
  expect(found.filter((line) => /process_.*inline/.test(line))).toEqual([]);
  expect(found).toContain('jetplug_plugin_up{plugin="isolated",state="running"} 1');
  expect(found).toContain('jetplug_plugin_up{plugin="inline",state="failed"} 0');
});

test('unhandled events are shown by stream', async () => {
  expect(await samples(plugins([]), new Map([['EVENTS', 7]]))).toContain('jetplug_unhandled_events{stream="EVENTS"} 7');
});

test('the host shows its versions, its connection and its process', async () => {
  const found = await samples(plugins([]));
  expect(found).toContain('jetplug_connected 0');
  expect(found).toContain('jetplug_reconnects_total 2');
  expect(found).toContain('jetplug_received_bytes_total 10');
  expect(found.join('\n')).toMatch(/^jetplug_build_info\{.*node_version="v\d+.*",server_version="2\.12\.1"\} 1$/m);
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_heap_size_used_bytes']) {
    expect(Number(found.find((line) => line.startsWith(name))?.split(' ')[1])).toBeGreaterThan(0);
  }
});

test('the limits of the host are shown with their use, and the limit of calls only if there is one', async () => {
  const memory = new HostMemory(Infinity);
  memory.add(70);
  const unlimited = await samples(plugins([], { memory }));
  expect(unlimited).toContain('jetplug_buffered_bytes 70');
  expect(unlimited).toContain('jetplug_buffered_bytes_limit +Inf');
  expect(unlimited.filter((line) => line.startsWith('jetplug_running_calls'))).toEqual([]);
  const calls = new HostConcurrency(100);
  calls.take({ resume: () => undefined });
  const limited = await samples(plugins([], { calls, memory: new HostMemory(1_000) }));
  expect(limited).toContain('jetplug_running_calls 1');
  expect(limited).toContain('jetplug_running_calls_limit 100');
  expect(limited).toContain('jetplug_buffered_bytes_limit 1000');
});
