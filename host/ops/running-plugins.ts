import { resolve } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import { nearest } from '../config/suggest';
import type { Connection } from '../nats/connection';
import { askHosts } from '../nats/service';
import type { ExplainedPlugin } from './explain';
import { hostStatuses, type HostStatus } from './host-status';
import { mergeStatuses } from './merge-statuses';
import type { PluginStatus } from './status';

/** The plugins of all running hosts. @throws JetplugError `JP_NO_HOST` */
export async function runningPlugins(connection: Connection): Promise<PluginStatus[]> {
  const answers = await askHosts<PluginStatus[]>(connection, 'plugins');
  if (answers.length === 0) throw noHost();
  return mergeStatuses(answers);
}

/** All running hosts. @throws JetplugError `JP_NO_HOST` */
export async function runningHosts(connection: Connection): Promise<HostStatus[]> {
  const hosts = await hostStatuses(connection);
  if (hosts.length === 0) throw noHost();
  return hosts;
}

function noHost(): JetplugError {
  return new JetplugError('JP_NO_HOST', 'no running host answered');
}

/**
 * Explains a plugin of the running hosts.
 * @param name the plugin's name, or a name or a path of its file
 * @throws JetplugError `JP_NOT_FOUND` with the most similar name, or `JP_NO_HOST`
 */
export async function explainRunning(name: string, connection: Connection): Promise<ExplainedPlugin[]> {
  // A relative path is resolved here, because the host may run in another directory.
  const asked = name.includes('/') ? resolve(name) : name;
  const answers = await askHosts<ExplainedPlugin[]>(connection, 'explain', asked);
  const found = mergeStatuses(answers);
  if (found.length > 0) return found;
  const known = (await runningPlugins(connection)).map(({ plugin }) => plugin);
  const meant = nearest(name, known);
  const mean = meant === undefined ? '' : `; did you mean ${meant}?`;
  const list = known.length === 0 ? 'The hosts that run have no plugins.' : `There are ${known.join(', ')}.`;
  throw new JetplugError('JP_NOT_FOUND', `no host has a plugin ${JSON.stringify(name)}${mean}`, { hint: list });
}
