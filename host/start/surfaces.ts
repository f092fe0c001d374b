import { packageVersion } from '../base/package-version';
import { serveAnswers } from '../nats/serve-answers';
import { API_VERSION } from '../nats/service';
import { readiness } from '../ops/health';
import { addHealthRoutes } from '../ops/health-routes';
import { serveHttp, type HttpServer } from '../ops/http';
import { metricsText } from '../ops/metrics-text';
import { pluginVersions } from '../ops/status';
import { unhandledTotals } from '../ops/unhandled';
import { servePage } from '../page/page-server';
import type { DescribedHost } from './described-host';
import { endpointsOf } from './endpoints';
import { replayFor } from './replay-event';

/** The HTTP server of a host. */
interface HostHttp extends HttpServer {
  /** Whether the page answers; without a token it answers on loopback only. */
  readonly hasPage: boolean;
}

/** Serves health, metrics and the page over HTTP; undefined if the config has no address for them. */
export async function openHttp(describe: () => DescribedHost): Promise<HostHttp | undefined> {
  const { config, sourceOf, connection, log } = describe();
  if (config.http.listen === '') return undefined;
  const health = {
    readiness: () => {
      const { plugins, connection, missingStreams, commitProblems, phase } = describe();
      return readiness(plugins, connection, missingStreams, commitProblems, phase);
    },
    metrics: async () => {
      const host = describe();
      return metricsText({ ...host, unhandled: await unhandled(host) });
    },
  };
  let hasPage = false;
  const server = await serveHttp(
    config.http.listen,
    (app) => {
      hasPage = servePage(app, { connection, config, sourceOf, log, replay: replayFor(connection, config) });
    },
    (app) => addHealthRoutes(app, health),
  );
  return { ...server, hasPage };
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
