import { packageVersion } from '../base/package-version';
import type { Connection } from '../nats/connection';
import { askHosts } from '../nats/service';
import type { Plugins } from '../plugin/plugins';
import type { HandlerLags } from './handler-lags';
import { pluginStatuses, type PluginStatus } from './status';

/** A running host, as it answers the page. */
export interface HostStatus {
  /** `machine:process` */
  readonly host: string;
  readonly version: string;
  readonly plugins: readonly PluginStatus[];
}

export async function hostStatus({
  name,
  plugins,
  connection,
  lags,
}: {
  readonly name: string;
  readonly plugins: Plugins;
  readonly connection: Connection;
  readonly lags: HandlerLags;
}): Promise<HostStatus> {
  return { host: name, version: packageVersion(), plugins: await pluginStatuses(plugins, connection, lags) };
}

/** Asks all running hosts, in the order of their names. */
export async function hostStatuses(connection: Connection): Promise<HostStatus[]> {
  const answers = await askHosts<HostStatus>(connection, 'status');
  return answers.sort((a, b) => (a.host < b.host ? -1 : 1));
}
