import { HandlerCounters } from '../../../host/message/counters';
import type { Connection } from '../../../host/nats/connection';
import { metricsText } from '../../../host/ops/metrics';
import type { PluginEntry, Plugins } from '../../../host/plugin/plugins';

const OFFLINE = { connected: false } as Connection;

function plugins(entries: readonly Partial<PluginEntry>[]): Plugins {
  const complete = entries.map((entry) => ({ handlers: [], ...entry }));
  return { entries: complete, reloads: { counts: [] }, faults: { counts: new Map() } } as unknown as Plugins;
}

async function samples(host: Plugins, unhandled?: ReadonlyMap<string, number>): Promise<string[]> {
  const { text } = await metricsText(host, OFFLINE, unhandled);
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a handler has a sample of each of its counters, and none of its position while the server does not answer', async () => {
  const counters = new HandlerCounters();
  counters.handled = 3;
  counters.observe(0.02);
  counters.observe(60);
  const handler = { definition: { name: 'award' }, counters, durable: { stream: 'EVENTS', durable: 'badge-award' } };
  const entry = { name: 'badge', state: 'running', handlers: [handler] } as unknown as PluginEntry;
  const found = await samples(plugins([entry]));
  const labels = 'plugin="badge",handler="award"';
  expect(found).toContain(`jetplug_handled_total{${labels}} 3`);
  expect(found).toContain(`jetplug_failed_total{${labels}} 0`);
  expect(found).toContain(`jetplug_handling_seconds_bucket{${labels},le="0.01"} 0`);
  expect(found).toContain(`jetplug_handling_seconds_bucket{${labels},le="0.025"} 1`);
  expect(found).toContain(`jetplug_handling_seconds_bucket{${labels},le="+Inf"} 2`);
  expect(found).toContain(`jetplug_handling_seconds_count{${labels}} 2`);
  expect(found.filter((line) => /_(pending|in_flight)/.test(line))).toEqual([]);
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
