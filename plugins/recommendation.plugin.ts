import { EventBus, Plugin, Reject, RetryLater, Settings, Store, Subscribe, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { id, RecommendationUpdated, VideoWatchStarted } from './contracts/streaming';

const schema = z.object({
  /**
   * The URL of an ML service that is asked first. The service takes POST {user_id, video_id} and answers {video_ids},
   * best first. Default: none.
   */
  mlUrl: z.url().optional(),
  /** The time in which the ML service must answer, in ms. */
  mlTimeout: z.int().positive().default(1_000),
});

@Plugin({ description: 'Recommends what was watched beside what the viewer watches', settings: schema })
export class RecommendationPlugin {
  private readonly videos: Store<Neighbours>;

  constructor(
    private readonly viewers: Store<Watch[]>,
    private readonly events: EventBus,
    private readonly settings: Settings<z.infer<typeof schema>>,
  ) {
    this.videos = viewers.scope('videos');
  }

  @Subscribe({ from: 'beginning' })
  async learn(event: VideoWatchStarted, context: EventContext) {
    // The ML service is asked first, so that an event that waits for the service has changed nothing yet.
    const asked = await this.askMl(event, context);
    const watch = { video_id: event.video_id, at: Date.parse(event.timestamp) };
    const recent = await this.viewers.update(event.user_id, (old) => addWatch(old, watch));
    const lessons = [...lessonsOf(recent, watch)];
    await Promise.all(lessons.map(([video, lesson]) => this.videos.update(video, (old) => learn(old, lesson))));
    const near = await Promise.all(recent.slice(0, BASIS).map(({ video_id }) => this.videos.get(video_id)));
    const video_ids = [...new Set([...asked, ...recommend(recent, near)])].slice(0, MAX_RECOMMENDED);
    if (video_ids.length > 0) await this.events.publish(RecommendationUpdated, { user_id: event.user_id, video_ids });
  }

  private async askMl({ user_id, video_id }: VideoWatchStarted, context: EventContext): Promise<string[]> {
    const { mlUrl, mlTimeout } = this.settings.value;
    if (mlUrl === undefined) return [];
    const timeout = AbortSignal.timeout(mlTimeout);
    const signal = AbortSignal.any([context.signal, timeout]);
    const answer = await post(mlUrl, { user_id, video_id }, signal).catch((cause: unknown) => {
      // An outage is not the event's fault, so the event waits, and the wait costs no attempt.
      throw new RetryLater('2s', `the ML service at ${mlUrl} does not answer${timeout.aborted ? ' in time' : ''}`, {
        cause,
      });
    });
    if (answer === 'refused') throw new Reject(`the ML service at ${mlUrl} does not take the event`);
    return answer;
  }
}

/** A watch of one viewer; `at` is in ms since 1970. */
export interface Watch {
  video_id: string;
  at: number;
}

/** How often each other video was watched next to this one, or next but one, by the same viewer. */
export type Neighbours = Record<string, number>;

const MAX_RECENT = 50;
const MAX_NEIGHBOURS = 100;
const MAX_RECOMMENDED = 10;
/** The greatest distance between two watches of a viewer that count as neighbours. */
const REACH = 2;
/** The number of latest watches that a recommendation is based on. */
const BASIS = 3;

/** Adds a watch to the viewer's latest watches, sorted by the time in the events, newest first. */
export function addWatch(old: Watch[] = [], watch: Watch): Watch[] {
  return [...old, watch].sort((a, b) => b.at - a.at || (a.video_id < b.video_id ? -1 : 1)).slice(0, MAX_RECENT);
}

/**
 * Returns, by video, the changes of the counts by a watch that was just added. A watch that arrives late separates
 * neighbours that were counted before, so that the counts do not depend on the order of arrival.
 */
export function lessonsOf(recent: Watch[], watch: Watch): Map<string, Map<string, number>> {
  const lessons = new Map<string, Map<string, number>>();
  const count = (a: Watch | undefined, b: Watch | undefined, by: number): void => {
    if (!a || !b || a.video_id === b.video_id) return;
    for (const [one, other] of [[a.video_id, b.video_id] as const, [b.video_id, a.video_id] as const]) {
      const lesson = lessons.get(one) ?? new Map<string, number>();
      lessons.set(one, lesson.set(other, (lesson.get(other) ?? 0) + by));
    }
  };
  const place = recent.findIndex((each) => each.video_id === watch.video_id && each.at === watch.at);
  if (place < 0) return lessons;
  for (let i = 1; i <= REACH; i++) {
    count(recent[place - i], watch, 1);
    count(watch, recent[place + i], 1);
    count(recent[place - i], recent[place - i + REACH + 1], -1);
  }
  return lessons;
}

/** Applies the changes to a video's counts. A count may be negative for a moment, when changes arrive in another order. */
export function learn(old: Neighbours = {}, lesson: Map<string, number>): Neighbours {
  const counts = new Map(Object.entries(old));
  for (const [video, by] of lesson) counts.set(video, (counts.get(video) ?? 0) + by);
  let kept = [...counts].filter(([, n]) => n !== 0);
  // All counts are halved, because dropping the smallest ones would never let a new neighbour in.
  while (kept.length > MAX_NEIGHBOURS) {
    kept = kept.map(([video, n]) => [video, Math.trunc(n / 2)] as [string, number]).filter(([, n]) => n !== 0);
  }
  return Object.fromEntries(kept);
}

/** The neighbours of the latest watches, without the videos that the viewer has watched. */
export function recommend(recent: Watch[], near: (Neighbours | undefined)[]): string[] {
  const seen = new Set(recent.map((watch) => watch.video_id));
  const scores = new Map<string, number>();
  for (const [video, n] of near.flatMap((neighbours) => Object.entries(neighbours ?? {}))) {
    if (n > 0 && !seen.has(video)) scores.set(video, (scores.get(video) ?? 0) + n);
  }
  return [...scores].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([video]) => video);
}

const mlAnswer = z.object({ video_ids: z.array(id).max(1_000) });

async function post(url: string, body: object, signal: AbortSignal): Promise<string[] | 'refused'> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
  const answer: unknown = await response.json();
  if (response.status === 400 || response.status === 422) return 'refused';
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  return mlAnswer.parse(answer).video_ids;
}
