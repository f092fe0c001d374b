import { EventBus, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { UserPreferencesUpdated, VideoPublished, VideoWatchStarted } from './contracts/streaming';

@Plugin({ description: 'Learns each viewer’s favourite genres' })
export class UserPreferencesPlugin {
  private readonly videos: Store<Video>;

  constructor(
    private readonly viewers: Store<Taste>,
    private readonly events: EventBus,
  ) {
    this.videos = viewers.scope('videos');
  }

  @Subscribe({ from: 'beginning' })
  async catalogue(event: VideoPublished) {
    const video = { genres: [...new Set(event.genres)].sort(), at: Date.parse(event.timestamp) };
    await this.videos.update(event.video_id, (old) => newer(old, video));
  }

  @Subscribe({ from: 'beginning' })
  async learn({ user_id, video_id, timestamp }: VideoWatchStarted) {
    // A video that is not in the catalogue has no genres; its watch is counted all the same.
    const genres = (await this.videos.get(video_id))?.genres ?? [];
    const month = Math.floor(Date.parse(timestamp) / MONTH_MS);
    const taste = await this.viewers.update(user_id, (old) => addWatch(old, genres, month));
    if (genres.length === 0) return;
    await this.events.publish(UserPreferencesUpdated, { user_id, watches: taste.watches, genres: favourites(taste) });
  }
}

export interface Video {
  genres: string[];
  /** The time at which the video was published, in ms since 1970. */
  at: number;
}

/** A viewer's genres, weighted for a month of 28 days (counted from 1970). A watch weighs half as much a month later. */
export interface Taste {
  watches: number;
  month: number;
  weights: Record<string, number>;
}

const MONTH_MS = 28 * 86_400_000;
const MAX_GENRES = 64;
const MAX_FAVOURITES = 5;

/**
 * Returns the newer of two events of a video. If both have the same time, the genres decide, so that the order of
 * arrival does not matter.
 */
export function newer(old: Video | undefined, video: Video): Video {
  if (!old || video.at > old.at) return video;
  return video.at === old.at && video.genres.join() > old.genres.join() ? video : old;
}

/**
 * Adds a watch to a taste. Halving by whole months is exact in floating point, so the sum does not depend on the order
 * of arrival.
 */
export function addWatch(
  old: Taste = { watches: 0, month: -Infinity, weights: {} },
  genres: string[],
  month: number,
): Taste {
  const newest = Math.max(old.month, month);
  // A Map, because a genre may be named `constructor`.
  const weights = new Map(
    Object.entries(old.weights).map(([genre, weight]) => [genre, weight * 2 ** (old.month - newest)]),
  );
  for (const genre of genres) weights.set(genre, (weights.get(genre) ?? 0) + 2 ** (month - newest));
  const kept = [...weights].sort(byWeight).slice(0, MAX_GENRES);
  return { watches: old.watches + 1, month: newest, weights: Object.fromEntries(kept) };
}

export function favourites(taste: Taste): { genre: string; share: number }[] {
  const weights = Object.entries(taste.weights).sort(byWeight);
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  return weights
    .slice(0, MAX_FAVOURITES)
    .map(([genre, weight]) => ({ genre, share: Math.round((weight / total) * 1_000) / 1_000 }));
}

function byWeight(a: [string, number], b: [string, number]): number {
  return b[1] - a[1] || (a[0] < b[0] ? -1 : 1);
}
