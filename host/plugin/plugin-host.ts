import type { Clock } from '../../sdk';
import type { Config, SourceOf } from '../config/config';
import type { Recorder } from '../records/runs/recorder';
import type { KeyValue } from '../records/key-value';
import type { PartedLog } from '../log/log';
import type { DeadLetters, Outgoing, RetryNotifier, RetryQueue } from '../broker/ports';
import type { Time } from '../base/time';
import type { Limiter } from '../base/limiter';
import type { Telemetry } from '../message/telemetry';
import type { Sweep } from '../message/intake/sweep';
import type { PluginDefinition } from '../load/describe';
import type { CommitLogs } from './commit-logs';
import type { HostLimits } from './host-limits';
import type { Rebalance } from './rebalance';
import type { ProviderFolders } from './provider-folders';
import type { PluginBroker } from '../broker/plugin-broker';
import type { StreamState } from '../broker/stream-state';

/** The services of the host that a plugin's life needs. */
export interface PluginHost {
  readonly config: Config;
  /** Where each value of the config is written; absent where no file has them. */
  readonly sourceOf?: SourceOf;
  readonly broker: PluginBroker;
  readonly streams: readonly StreamState[];
  readonly clock: Clock;
  readonly time: Time;
  /** The timers that bound the start of a plugin. Default: the machine's, because a test's time stands still meanwhile. */
  readonly startTime?: Time;
  readonly log: PartedLog;
  readonly outgoing: Outgoing;
  readonly deadLetters: DeadLetters;
  readonly retryQueue: RetryQueue;
  readonly retryNotifier: RetryNotifier;
  /** The host's own bucket, in which it keeps attempts and settlements. */
  readonly records: KeyValue;
  readonly commits: CommitLogs;
  /** Records the runs of handlers; absent if none are recorded. */
  readonly recorder?: Recorder | undefined;
  /** Traces and measures the runs of handlers; absent if telemetry is off. */
  readonly telemetry?: Telemetry | undefined;
  /** Returns a number in [0, 1), for the jitter of retries. Default: `Math.random`. */
  readonly random?: () => number;
  readonly sweep: Sweep;
  readonly suspects: Limiter;
  /** The limits that all handlers share. Default: none. */
  readonly limits?: HostLimits;
  /** Spreads the handlers that run on one host at a time over the hosts; absent where there is only one host. */
  readonly rebalance?: Rebalance;
  /** The providers of the plugins folders; absent where plugins do not come from folders. */
  readonly providers?: Pick<ProviderFolders, 'take'> | undefined;
  /**
   * Takes a plugin's name and durables for its file.
   * @throws JetplugError `JP_PLUGIN_DUPLICATE_NAME` or `JP_PLUGIN_DUPLICATE_DURABLE` when another file has one of them
   */
  claim(plugin: PluginDefinition): void;
}
