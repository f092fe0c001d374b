import { packageVersion } from '../base/package-version';
import type { Connection } from '../nats/connection';
import { askHosts } from '../nats/service';
import type { NewerConfig } from '../nats/generation-record';
import type { DriftedStream } from '../nats/stream-keeper';
import type { Plugins } from '../plugin/plugins';
import type { HandlerLags } from './handler-lags';
import { pluginStatuses, type PluginStatus } from './status';

/** A running host, as it answers the page. */
export interface HostStatus {
  /** `machine:process` */
  readonly host: string;
  readonly version: string;
  readonly plugins: readonly PluginStatus[];
  /** The streams whose settings somebody has changed on the server; absent where all have those of the config. */
  readonly drift?: readonly DriftedStream[];
  /** The newer config that this host waits for: it handles events, and changes no settings on the server. */
  readonly newerConfig?: NewerConfig;
}

interface AskedHost {
  readonly name: string;
  readonly plugins: Plugins;
  readonly connection: Connection;
  readonly lags: HandlerLags;
  readonly driftedStreams: readonly DriftedStream[];
  readonly newerConfig: NewerConfig | undefined;
}

export async function hostStatus({ name, driftedStreams, newerConfig, ...host }: AskedHost): Promise<HostStatus> {
  return {
    host: name,
    version: packageVersion(),
    plugins: await pluginStatuses(host.plugins, host.connection, host.lags),
    ...(driftedStreams.length > 0 && { drift: driftedStreams }),
    ...(newerConfig && { newerConfig }),
  };
}

/** Asks all running hosts, in the order of their names. */
export async function hostStatuses(connection: Connection): Promise<HostStatus[]> {
  const answers = await askHosts<HostStatus>(connection, 'status');
  return answers.sort((a, b) => (a.host < b.host ? -1 : 1));
}
