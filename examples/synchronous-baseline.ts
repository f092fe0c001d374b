/** The old platform: to start a video it calls six services one after the other over HTTP, and fails when one of them
 * fails.
 * fails when one of them does.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Fastify from 'fastify';
import { ML_LATENCY_MS, startMlService } from './ml-service';
import { listen, runAsCommand, type Running } from './server';
import { VIDEO_STARTED, watchEndpoint, type VideoStarted } from './watch-endpoint';

interface ServiceTimes {
  readonly name: string;
  /** The time until it answers. */
  readonly latencyMs: number;
  /** The timeout of each request to it. */
  readonly timeoutMs: number;
}

/** The services in the order of the calls; `recommendation` is the ML service. */
export const SERVICES: readonly ServiceTimes[] = [
  { name: 'user-preferences', latencyMs: 300, timeoutMs: 2_000 },
  { name: 'recommendation', latencyMs: ML_LATENCY_MS, timeoutMs: 5_000 },
  { name: 'analytics', latencyMs: 300, timeoutMs: 2_000 },
  { name: 'notification', latencyMs: 350, timeoutMs: 2_000 },
  { name: 'badge', latencyMs: 250, timeoutMs: 2_000 },
  { name: 'ranking', latencyMs: 300, timeoutMs: 2_000 },
];

const TRIES = 2;

export interface BaselineOptions {
  /** The ML service's endpoint for recommendations: `<its url>/recommend`. */
  mlUrl: string;
  /** The port of `POST /watch`. Default 0: any free port. */
  port?: number;
  /** Every latency and timeout is multiplied by this factor. Default 1. */
  scale?: number;
}

export async function startBaseline({ mlUrl, port = 0, scale = 1 }: BaselineOptions): Promise<Running> {
  const others = await startServices(scale);
  const services = SERVICES.map(({ name, timeoutMs }) => ({
    name,
    url: name === 'recommendation' ? mlUrl : `${others.url}/${name}`,
    timeoutMs: timeoutMs * scale,
  }));
  const server = await listen(
    watchEndpoint((userId, videoId) => startWatching(services, userId, videoId)),
    port,
  );
  return { url: server.url, close: () => closeAll(server, others) };
}

interface Service {
  readonly name: string;
  readonly url: string;
  readonly timeoutMs: number;
}

/** Waits for all services, and fails with the first one that fails. */
async function startWatching(services: readonly Service[], userId: string, videoId: string): Promise<VideoStarted> {
  for (const service of services) await call(service, { user_id: userId, video_id: videoId });
  return VIDEO_STARTED;
}

async function call(service: Service, body: object): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await post(service, body);
    } catch (cause) {
      if (attempt === TRIES) throw new ServiceFailed(service.name, cause);
    }
  }
}

async function post({ url, timeoutMs }: Service, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`it answered ${response.status}`);
}

/** A service that playback needs has failed in both tries. */
export class ServiceFailed extends Error {
  override readonly name = 'ServiceFailed';
  readonly statusCode = 502;

  constructor(
    readonly service: string,
    cause: unknown,
  ) {
    super(`the video could not be started: ${service} failed ${TRIES} times: ${(cause as Error).message}`, { cause });
  }
}

/** The services other than the ML service: each waits for its latency and answers. */
function startServices(scale: number): Promise<Running> {
  const app = Fastify({ forceCloseConnections: true });
  for (const { name, latencyMs } of SERVICES.filter(({ name }) => name !== 'recommendation')) {
    app.post(`/${name}`, async () => {
      await delay(latencyMs * scale);
      return { status: 'success' };
    });
  }
  return listen(app);
}

async function closeAll(...servers: Running[]): Promise<void> {
  for (const server of servers) await server.close();
}

async function start(): Promise<Running & { mlUrl: string }> {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '0' }, scale: { type: 'string', default: '1' } },
  });
  const scale = Number(values.scale);
  const ml = await startMlService({ latencyMs: ML_LATENCY_MS * scale });
  const server = await startBaseline({ mlUrl: `${ml.url}/recommend`, port: Number(values.port), scale });
  return { url: server.url, mlUrl: ml.url, close: () => closeAll(server, ml) };
}

if (require.main === module) runAsCommand(start);
