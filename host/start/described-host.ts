import type { HostLog } from '../log/log';
import type { Config } from '../config/config';
import type { Explainable } from '../ops/explain';
import type { HandlerLags } from '../ops/handler-lags';
import type { CommitLogs } from '../plugin/commit-logs';
import type { DriftedStream } from '../nats/stream-keeper';
import type { NewerConfig } from '../nats/generation-record';
import type { Plugins } from '../plugin/plugins';
import type { LiveRuns } from '../records/runs/live-runs';

/** The host, as its health, its metrics and its answers describe it. */
export interface DescribedHost extends Explainable {
  /** The name of the machine and the id of the process, with a colon between them. */
  readonly name: string;
  readonly lags: HandlerLags;
  readonly config: Config;
  readonly plugins: Plugins;
  readonly log: HostLog;
  readonly phase: 'starting' | 'running' | 'stopping';
  /** The streams that are lost and not restored yet. */
  readonly missingStreams: readonly string[];
  /** The streams whose settings somebody has changed on the server. */
  readonly driftedStreams: readonly DriftedStream[];
  /** The config of another host that this host waits for; undefined while its own is the newest of the deployment. */
  readonly newerConfig: NewerConfig | undefined;
  /** The plugins whose commits, or whose bucket, wait. */
  readonly commitProblems: CommitLogs['problems'];
  /** The runs that are watched now. */
  readonly live: LiveRuns;
}
