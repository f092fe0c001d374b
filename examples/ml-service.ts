/**
 * A small machine-learning service for both platforms. It recommends the videos that anybody watched last. It can be set
 * to hang, as it did on 12 May.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Fastify from 'fastify';
import { z } from 'zod';
import { id } from '../plugins/contracts/streaming';
import { listen, runAsCommand, type Running } from './server';

const MODES = ['ok', 'hang'] as const;

export const ML_LATENCY_MS = 400;

/** `hang`: the service accepts requests and never answers. */
export type MlMode = (typeof MODES)[number];

export interface MlService extends Running {
  /** Does the same as `POST /admin/ml {"mode": "ok" | "hang"}`. Requests that hang already stay without an answer. */
  setMode(mode: MlMode): void;
}

export interface MlOptions {
  /** Default 0: any free port. */
  port?: number;
  /** The time until it answers, in ms. Default {@link ML_LATENCY_MS}. */
  latencyMs?: number;
}

const watch = z.object({ user_id: id, video_id: id });
const admin = z.object({ mode: z.enum(MODES) });
const MAX_VIDEOS = 11;

/** `POST /recommend {user_id, video_id}` → `{video_ids}`, at most ten and never the one watched. */
export async function startMlService({ port = 0, latencyMs = ML_LATENCY_MS }: MlOptions = {}): Promise<MlService> {
  const app = Fastify({ forceCloseConnections: true });
  let mode: MlMode = 'ok';
  let latest: string[] = [];

  app.post('/recommend', async (request, reply) => {
    const body = watch.safeParse(request.body);
    if (!body.success) return reply.code(400).send({ message: z.prettifyError(body.error) });
    if (mode === 'hang') {
      await new Promise((resolve) => request.raw.socket.once('close', resolve));
      return reply.hijack();
    }
    await delay(latencyMs);
    const { video_id } = body.data;
    latest = [video_id, ...latest.filter((video) => video !== video_id)].slice(0, MAX_VIDEOS);
    return { video_ids: latest.slice(1) };
  });

  app.post('/admin/ml', async (request, reply) => {
    const body = admin.safeParse(request.body);
    if (!body.success) return reply.code(400).send({ message: z.prettifyError(body.error) });
    mode = body.data.mode;
    return { mode };
  });

  return { ...(await listen(app, port)), setMode: (chosen) => void (mode = chosen) };
}

function start(): Promise<Running> {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '0' }, latency: { type: 'string', default: String(ML_LATENCY_MS) } },
  });
  return startMlService({ port: Number(values.port), latencyMs: Number(values.latency) });
}

if (require.main === module) runAsCommand(start);
