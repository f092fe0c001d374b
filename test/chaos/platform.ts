import type { JetStreamManager, NatsConnection } from 'nats';
import { allSettled } from '../support/durables';
import { STORY_PLUGINS, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import type { Scene } from '../support/scene';
import { SteadyLoad, type Outgoing } from './load';
import { FULL } from './proof';

/** Every viewer watches fewer videos than a plugin remembers of one, so that the state does not depend on how late an event comes. */
const VIEWERS = FULL ? 2_000 : 500;
const VIDEOS = 60;
const GENRES = ['drama', 'comedy', 'crime', 'music', 'nature'];
const KEYS = 200;
const WATCHES_PER_SECOND = 100;
const TICKS_PER_SECOND = 500;
/** The events have a time of their own, with 600 watches in a minute. */
const BEGAN_AT_MS = Date.parse('2026-05-12T12:00:00.000Z');
const STEP_MS = 100;
/** A generous limit, for a machine that is shared. */
const LONGEST_DRAIN_MS = FULL ? 1_200_000 : 240_000;

/** Every viewer with a watch reaches these, so that there are many badges. */
export const MILESTONES = [1, 2, 5, 10];
/** One in this many ticks publishes an event. */
export const TICKS_PER_EVENT = 5;

/** Counts each tick under a shared key and under its own. */
const COUNTING = pluginSource(
  'CountingPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.tick', { from: 'beginning', concurrency: 16 })
  async count(event: any, context: EventContext) {
    const total = await this.counts.update('total', (n = 0) => n + 1);
    await this.counts.update('key.' + event.key, (n = 0) => n + 1);
    if (total % 10 === 0) await this.events.publish('badge.tenth', { total });
    if (event.n % ${TICKS_PER_EVENT} === 0) await this.events.publish('badge.ticked', { sequence: context.sequence });
  }`,
);

const CONFIG = {
  delivery: { ackWait: '3s' },
  plugins: { badge: { settings: { milestones: MILESTONES } } },
};

/** A server with the six plugins of the story and a counting one, and their load. */
export class Platform {
  private constructor(
    readonly server: TestServer,
    readonly nats: NatsConnection,
    private readonly jsm: JetStreamManager,
    private readonly scene: Scene,
    private readonly plugins: readonly string[],
  ) {}

  /** Starts with a first host and the events about viewers and videos, so that the rest does not depend on the order of arrival. */
  static async open(scene: Scene): Promise<{ platform: Platform; host: TestHost }> {
    const server = await scene.server();
    const nats = await scene.client(server.url);
    const plugins = [STORY_PLUGINS, scene.folder({ 'counting.plugin.ts': COUNTING })];
    const platform = new Platform(server, nats, await nats.jetstreamManager(), scene, plugins);
    const host = await platform.start();
    await platform.publishKnown();
    return { platform, host };
  }

  start(): Promise<TestHost> {
    return this.scene.host({ server: this.server, plugins: this.plugins, config: CONFIG, flags: ['--no-watch'] });
  }

  /** Publishes 100 watches a second, with events about films and friends among them, and 500 ticks a second. Resolves with the number of events when it is ended. */
  load(): { end(): Promise<number> } {
    const watches = new SteadyLoad(this.nats, 'story', WATCHES_PER_SECOND, storyEvent);
    const ticks = new SteadyLoad(this.nats, 'tick', TICKS_PER_SECOND, tick);
    return { end: async () => (await watches.end()) + (await ticks.end()) };
  }

  /** Waits until no event is pending or in flight for any handler. Resolves with the number of deliveries. */
  settled(): Promise<number> {
    return allSettled(this.jsm, ['EVENTS'], LONGEST_DRAIN_MS);
  }

  private async publishKnown(): Promise<void> {
    const js = this.nats.jetstream();
    const at = timeOf(-1);
    const films = Array.from({ length: VIDEOS }, (_, i) => filmEvent(i, at));
    const friends = Array.from({ length: VIEWERS / 2 }, (_, i) => friendEvent(2 * i, 2 * i + 1, at));
    await Promise.all([...films, ...friends].map(({ subject, event }) => js.publish(subject, JSON.stringify(event))));
    await this.settled();
  }
}

/** Of twenty events, one repeats a film's genres, one adds a friend, and the rest are watches. */
function storyEvent(n: number): Outgoing {
  const at = timeOf(n);
  if (n % 20 === 7) return filmEvent(n % VIDEOS, at);
  if (n % 20 === 13) return friendEvent(2 * (n % (VIEWERS / 2)), n % VIEWERS, at);
  const round = Math.floor(n / VIEWERS);
  const event = { user_id: viewer(n % VIEWERS), video_id: video((n * 7 + round * 13) % VIDEOS), timestamp: at };
  return { subject: 'video.watch_started', event };
}

/** A film keeps its genres, so that the order of its events and of watches does not matter. */
function filmEvent(i: number, timestamp: string): Outgoing {
  const genres = [GENRES[i % GENRES.length]!, GENRES[(i * 3 + 1) % GENRES.length]!];
  return { subject: 'video.published', event: { video_id: video(i), genres, timestamp } };
}

/** Only viewers with even numbers have friends, and each has one from the start. */
function friendEvent(of: number, friend: number, timestamp: string): Outgoing {
  return { subject: 'user.friend_added', event: { user_id: viewer(of), friend_id: viewer(friend), timestamp } };
}

function tick(n: number): Outgoing {
  return { subject: 'video.tick', event: { n, key: `k${n % KEYS}` } };
}

const viewer = (i: number): string => `viewer-${i}`;
const video = (i: number): string => `video-${i}`;
const timeOf = (n: number): string => new Date(BEGAN_AT_MS + n * STEP_MS).toISOString();
