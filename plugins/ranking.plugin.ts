import { EventBus, Plugin, Settings, Store, Subscribe } from 'jetplug/sdk';
import { z } from 'zod';
import { RankingChanged, VideoWatchStarted } from './contracts/streaming';

const schema = z.object({
  /** How many videos the ranking shows. */
  top: z.int().min(1).max(100).default(10),
});

@Plugin({ description: 'Keeps the top videos, by watches that fade with the days', settings: schema })
export class RankingPlugin {
  private readonly scores: Store<Score>;

  constructor(
    private readonly boards: Store<Board>,
    private readonly events: EventBus,
    private readonly settings: Settings<z.infer<typeof schema>>,
  ) {
    // Every video has a score, so that one outside the top can climb into it.
    this.scores = boards.scope('videos');
  }

  @Subscribe({ from: 'beginning' })
  async count(event: VideoWatchStarted) {
    const { video_id } = event;
    const day = Math.floor(Date.parse(event.timestamp) / DAY_MS);
    const score = await this.scores.update(video_id, (old) => addWatch(old, day));
    const board = await this.boards.update('top', (old) => place(old, { video_id, ...score }, this.settings.value.top));
    if (!board.changed) return;
    const video_ids = board.top.map((entry) => entry.video_id);
    await this.events.publish(RankingChanged, { revision: board.revision, video_ids });
  }
}

const DAY_MS = 86_400_000;

/** A video's watches, weighted for a day (counted from 1970, UTC). Each watch weighs half as much a day later. */
export interface Score {
  day: number;
  points: number;
}

export interface Board {
  /** The top videos, best first. */
  top: (Score & { video_id: string })[];
  /** How many times the order has changed. */
  revision: number;
  /** Whether the last update changed the order. */
  changed: boolean;
}

/**
 * Adds a watch to a score, after weighing the older of the two down to the newer day. Half the weight for each whole day
 * is exact in floating point, so the order of arrival changes a sum only by rounding, when the days are far apart.
 */
export function addWatch(old: Score = { day: -Infinity, points: 0 }, day: number): Score {
  const newest = Math.max(old.day, day);
  return { day: newest, points: old.points * 2 ** (old.day - newest) + 2 ** (day - newest) };
}

/**
 * Places a video on the board. A video's score only grows, so the greater of two scores is the newer one, in any order of
 * arrival.
 */
export function place(old: Board = EMPTY, video: Board['top'][number], size: number): Board {
  const present = old.top.find((entry) => entry.video_id === video.video_id);
  const newest = present && byScore(present, video) <= 0 ? present : video;
  const others = old.top.filter((entry) => entry !== present);
  const top = [...others, newest].sort(byScore).slice(0, size);
  const changed = top.length !== old.top.length || top.some((entry, i) => entry.video_id !== old.top[i]?.video_id);
  return { top, revision: old.revision + Number(changed), changed };
}

const EMPTY: Board = { top: [], revision: 0, changed: false };

function byScore(a: Board['top'][number], b: Board['top'][number]): number {
  return b.points * 2 ** (b.day - a.day) - a.points || (a.video_id < b.video_id ? -1 : 1);
}
