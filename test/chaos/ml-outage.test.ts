import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { handled } from '../support/story';
import { count, report, seconds } from './proof';

const DOWN_MS = count(20_000, 60_000);
const EVENTS = 5_000;
const POISON_AT = 50;
const GOOD = 100;
const CATCH_UP_MS = 120_000;

const scene = new Scene();
let ml: MlService;
beforeAll(async () => {
  ml = await MlService.start();
});
afterAll(async () => {
  await scene.end();
  await ml.stop();
});

/** Throws when the service is down, where the story's own plugin throws RetryLater. */
const throwing = (): string =>
  pluginSource(
    'TrainPlugin',
    `  @Subscribe({ from: 'beginning', retry: { attempts: 3, backoff: ['500ms'] } })
  async train(event: VideoWatchStarted) {
    const response = await fetch('${ml.url}', { method: 'POST', body: '{}' });
    await response.text();
    if (!response.ok) throw new Error('ml is down');
  }`,
  );
const OTHER = pluginSource(
  'OtherPlugin',
  `  @Subscribe('video.other', { from: 'beginning', retry: { attempts: 3, backoff: ['500ms'] } })
  async take(event: any) {
    if (event.poison) throw new Error('poison');
  }`,
);

test('a service is down for long: its events wait and none is dead-lettered, while a poison event elsewhere is', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const plugins = [STORY_PLUGINS, scene.folder({ 'train.plugin.ts': throwing(), 'other.plugin.ts': OTHER })];
  const config = { plugins: { recommendation: { settings: { mlUrl: ml.url } } } };
  const host = await scene.host({ server, plugins, config, flags: ['--no-watch'] });

  ml.isUp = false;
  const downAtMs = performance.now();
  await publish(nats, 'video.watch_started', EVENTS, (n) => ({ user_id: `u${n % 500}`, video_id: `v${n % 60}` }));
  await publish(nats, 'video.other', GOOD, (n) => ({ poison: n === POISON_AT }));
  const letters = await eventually(async () => {
    const all = await storedLetters(nats);
    return all.length > 0 && all;
  }, DOWN_MS);
  await sleep(Math.max(0, DOWN_MS - (performance.now() - downAtMs)));
  // The other plugins continued meanwhile; the two that need the service have handled nothing.
  expect(await handled(host)).toMatchObject({
    'badge.award': EVENTS,
    'ranking.count': EVENTS,
    'user-preferences.learn': EVENTS,
    'analytics.count': EVENTS,
    'notification.tell': EVENTS,
    'other.take': GOOD - 1,
    'recommendation.learn': 0,
    'train.train': 0,
  });

  ml.isUp = true;
  const upAtMs = performance.now();
  const caughtUp = async (name: string): Promise<number> => {
    await eventually(async () => (await handled(host))[name] === EVENTS, CATCH_UP_MS);
    return performance.now() - upAtMs;
  };
  const [train, recommendation] = await Promise.all([caughtUp('train.train'), caughtUp('recommendation.learn')]);
  expect(await storedLetters(nats)).toHaveLength(1);
  expect(letters[0]!.header.get('x-plugin')).toBe('other');
  expect(letters[0]!.header.get('x-attempts')).toBe('3');
  report(
    'ml-outage',
    `down for ${seconds(DOWN_MS)} with ${EVENTS} events waiting in two plugins, none dead-lettered; caught up in ` +
      `${seconds(train)} (one that throws) and ${seconds(recommendation)} (one that comes again later); ` +
      `1 poison event dead-lettered after 3 attempts, among ${GOOD - 1} good ones`,
  );
});

async function publish(
  nats: NatsConnection,
  subject: string,
  times: number,
  make: (n: number) => object,
): Promise<void> {
  const js = nats.jetstream();
  await Promise.all(Array.from({ length: times }, (_, n) => js.publish(subject, JSON.stringify(make(n)))));
}

/** Answers, or fails like a broken service that is up. */
class MlService {
  isUp = true;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<MlService> {
    const server = createServer((request, response) => {
      request.resume();
      response.statusCode = service.isUp ? 200 : 500;
      response.end(JSON.stringify({ video_ids: [] }));
    });
    const service = new MlService(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
