import type { NatsConnection } from 'nats';
import { jetplug } from './cli';
import type { TestHost } from './host';
import type { PluginStatus } from '../../host/ops/status';

/** The handlers of the six plugins that take a watch, as `plugin.handler`. */
export const WATCH_HANDLERS = [
  'analytics.count',
  'badge.award',
  'notification.tell',
  'ranking.count',
  'recommendation.learn',
  'user-preferences.learn',
];

/** The plugins of a running host, requested as another program would. */
export async function ask(nats: NatsConnection): Promise<PluginStatus[]> {
  return (await nats.request('jetplug.plugins', '', { timeout: 5_000 })).json();
}

/** The plugins of the running hosts, as `jetplug plugins` shows them. */
export async function statuses(host: Pick<TestHost, 'servers'>): Promise<PluginStatus[]> {
  const result = await jetplug(['plugins', '--json', '--servers', host.servers]);
  if (result.code !== 0) throw new Error(result.stderr);
  return result.json();
}

/** How many events each of these handlers has handled, as `plugin.handler`, by the host's metrics. */
export async function handled(host: Pick<TestHost, 'url'>): Promise<Record<string, number>> {
  return counts(host, 'handled_total');
}

/** How many each handler has dead-lettered. */
export async function deadLettered(host: Pick<TestHost, 'url'>): Promise<Record<string, number>> {
  return counts(host, 'dead_lettered_total');
}

async function counts({ url }: Pick<TestHost, 'url'>, metric: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const samples = text.matchAll(new RegExp(`^jetplug_${metric}\\{plugin="([^"]+)",handler="([^"]+)"\\} (\\S+)$`, 'gm'));
  return Object.fromEntries([...samples].map(([, plugin, handler, value]) => [`${plugin}.${handler}`, Number(value)]));
}

/** The same number for each of the watch handlers. */
export function each(count: number): Record<string, number> {
  return Object.fromEntries(WATCH_HANDLERS.map((name) => [name, count]));
}
