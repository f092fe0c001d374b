import { packageVersion } from '../base/package-version';
import type { Config } from '../config/config';
import type { HostLog } from '../log/log';
import { serveAnswers, type Reply } from '../nats/service';
import { eventInHost } from '../ops/event-in-host';
import { explainPlugins, type Explainable } from '../ops/explain';
import { readiness } from '../ops/health';
import { addHealthRoutes } from '../ops/health-routes';
import { serveHttp, type HttpServer } from '../ops/http';
import type { HandlerLags } from '../ops/handler-lags';
import { hostStatus } from '../ops/host-status';
import { metricsText } from '../ops/metrics-text';
import { routesOf } from '../ops/routes';
import { pluginStatuses } from '../ops/status';
import { watchRuns } from '../ops/watch-runs';
import { unhandledEvents, unhandledTotals } from '../ops/unhandled';
import { servePage } from '../page/page-server';
import type { LiveRuns } from '../records/runs/live-runs';
import type { CommitLogs } from '../plugin/commit-logs';
import type { Plugins } from '../plugin/plugins';

/** The host, as its health, its metrics and its answers describe it. */
export interface DescribedHost extends Explainable {
  /** The host's name, `machine:process`. */
  readonly name: string;
  readonly lags: HandlerLags;
  readonly config: Config;
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

/** Serves health, metrics and the page over HTTP; undefined if the config has no address for them. */
export async function openHttp(describe: () => DescribedHost): Promise<HttpServer | undefined> {
  const { config, sourceOf, connection, log } = describe();
  if (config.http.listen === '') return undefined;
  const health = {
    readiness: () => {
      const { plugins, connection, missingStreams, commitProblems, phase } = describe();
      return readiness(plugins, connection, missingStreams, commitProblems, phase);
    },
    metrics: async () => {
      const host = describe();
      const { plugins, connection, lags } = host;
      return metricsText({ plugins, connection, lags, unhandled: await unhandled(host) });
    },
  };
  return serveHttp(
    config.http.listen,
    (app) => servePage(app, { connection, config, sourceOf, log }),
    (app) => addHealthRoutes(app, health),
  );
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
  const { connection, plugins, lags } = describe();
  return serveAnswers(connection, packageVersion(), {
    plugins: () => pluginStatuses(plugins, connection, lags),
    status: () => hostStatus(describe()),
    explain: (name: string) => explainPlugins(name, describe()),
    routes: (subject: string) => routesOf(subject, describe()),
    unhandled: () => unhandledEvents(describe()),
    fate: (event: string) => Promise.resolve(eventInHost(event, plugins)),
    tail: (filter: string, reply: Reply) => watchRuns(filter, reply, describe()),
  });
}
