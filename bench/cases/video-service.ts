import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { percentile } from '../../examples/demo/figures';
import { PACKAGE_ROOT } from '../../examples/demo/host-process';
import { forEachSubject, type Case, type Figure, type Subject } from '../core/case';
import type { Ground } from '../core/ground';
import { plain, started } from '../core/plain';
import { running } from '../core/work';

const REQUESTS = 20_000;
/** The baseline takes about two seconds for each request. */
const BASELINE_REQUESTS = 128;
const VIEWERS = 64;
/** The part of the requests that is sent first and not counted, because the programs are not warm yet. */
const WARM_UP = 0.1;
const WATCHES = 'WATCHES';
const EXAMPLES = join(PACKAGE_ROOT, 'dist', 'examples');

export const videoService: Case = {
  name: 'video-service',
  about: 'POST /watch from 64 viewers at a time, against the synchronous baseline',
  async prepare(ground) {
    await ground.makeStream();
    const subjects = {
      // The old platform, which calls six services in a row.
      documented: { start: started([join(EXAMPLES, 'synchronous-baseline.js')]), publishes: false },
      best: { start: plain('watch-service'), publishes: true },
      jetplug: { start: started([join(EXAMPLES, 'video-service.js'), '--servers', ground.url]), publishes: true },
    };
    return forEachSubject(subjects, (subject, { start, publishes }) => ({
      label: `video-service, ${subject}`,
      measure: async () => {
        const requests = publishes ? ground.events(REQUESTS) : Math.min(ground.events(REQUESTS), BASELINE_REQUESTS);
        // The stream is deleted after each measurement.
        await ground.jsm.streams.add({ name: WATCHES, subjects: ['video.>'] });
        const warmUp = Math.ceil(requests * WARM_UP);
        return running(ground, start, { events: requests }, async ({ url }) => {
          await pressPlay(ground, url, warmUp);
          const beganMs = performance.now();
          const tookMs = await pressPlay(ground, url, requests);
          const allMs = performance.now() - beganMs;
          const stored = await ground.messagesIn(WATCHES);
          if (stored !== (publishes ? warmUp + requests : 0)) {
            throw new Error(`${stored} events are stored of ${warmUp + requests} requests`);
          }
          return figuresOf(subject, tookMs, allMs);
        });
      },
    }));
  },
};

function figuresOf(subject: Subject, tookMs: readonly number[], allMs: number): Figure[] {
  return [
    { case: 'video-service', subject, unit: 'requests/s', value: (tookMs.length * 1_000) / allMs },
    { case: 'video-service p99', subject, unit: 'ms', value: percentile(tookMs, 99) },
  ];
}

/** Resolves with the time of each answer. */
async function pressPlay({ signal, say }: Ground, url: string, requests: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: VIEWERS });
  const tookMs: number[] = [];
  let next = 0;
  const viewer = async (): Promise<void> => {
    while (next < requests) {
      signal.throwIfAborted();
      const n = next++;
      const beganMs = performance.now();
      const status = await post(`${url}/watch`, agent, { user_id: `viewer-${n}`, video_id: `video-${n % 100}` });
      if (status !== 200) throw new Error(`POST /watch answered ${status}`);
      tookMs.push(performance.now() - beganMs);
      if (n % 100 === 0) say(`video-service: ${n} of ${requests} requests`);
    }
  };
  try {
    await Promise.all(Array.from({ length: VIEWERS }, viewer));
  } finally {
    agent.destroy();
  }
  return tookMs;
}

function post(url: string, agent: Agent, body: object): Promise<number> {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    })
      .on('error', reject)
      .end(text);
  });
}
