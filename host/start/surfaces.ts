import { packageVersion } from '../base/package-version';
import type { HostLog } from '../log/log';
import { serveAnswers } from '../nats/serve-answers';
import type { Explainable } from '../ops/explain';
import { readiness } from '../ops/health';
import { serveHttp, type HttpServer } from '../ops/http';
import { HandlerLags } from '../ops/handler-lags';
import { metricsText } from '../ops/metrics-text';
import { pluginVersions } from '../ops/status';
import { unhandledTotals } from '../ops/unhandled';
import type { LiveRuns } from '../records/runs/live-runs';
import type { CommitLogs } from '../plugin/commit-logs';
import type { Plugins } from '../plugin/plugins';
import { API_VERSION, endpointsOf } from './endpoints';

/** The host, as its health, its metrics and its answers describe it. */
export interface DescribedHost extends Explainable {
  /** The name of the machine and the id of the process, with a colon between them. */
  readonly name: string;
  readonly plugins: Plugins;
  readonly log: HostLog;
  readonly phase: 'starting' | 'running' | 'stopping';
  /** The streams that are lost and not restored yet. */
  readonly missingStreams: readonly string[];
  /** The plugins whose commits, or whose bucket, wait. */
  readonly commitProblems: CommitLogs['problems'];
  /** The runs that are watched now. */
  readonly live: LiveRuns;
}

/** Serves health and metrics over HTTP; undefined if the config has no address for them. */
export async function openHttp(listen: string, describe: () => DescribedHost): Promise<HttpServer | undefined> {
  if (listen === '') return undefined;
  const lags = new HandlerLags();
  return serveHttp(listen, {
    readiness: () => {
      const { plugins, connection, missingStreams, commitProblems, phase } = describe();
      return readiness(plugins, connection, missingStreams, commitProblems, phase);
    },
    metrics: async () => {
      const host = describe();
      const { plugins, connection } = host;
      return metricsText({ plugins, connection, lags, unhandled: await unhandled(host) });
    },
  });
}

/**
 * Counts the unhandled events. Resolves with undefined while the numbers are not known: before every plugin is loaded,
 * and while the server does not answer.
 */
async function unhandled(host: DescribedHost): Promise<ReadonlyMap<string, number> | undefined> {
  if (host.phase !== 'running' || !host.connection.connected) return undefined;
  // The other metrics are useful even where the credentials do not permit this request.
  return unhandledTotals(host).catch((error: unknown) => {
    host.log.debug('cannot count the events that no handler takes', { err: error });
    return undefined;
  });
}

/** Answers the commands that inspect running hosts, as a NATS micro service. */
export async function serveInspection(describe: () => DescribedHost): Promise<{ stop(): Promise<unknown> }> {
  const { connection, plugins, log, name } = describe();
  return serveAnswers(connection, {
    version: packageVersion(),
    log,
    metadata: { api: API_VERSION, host: name },
    liveMetadata: { plugins: () => JSON.stringify(pluginVersions(plugins)) },
    endpoints: endpointsOf(describe),
  });
}
