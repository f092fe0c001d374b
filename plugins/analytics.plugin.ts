import { EventBus, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { AnalyticsWindowClosed, VideoWatchStarted } from './contracts/streaming';

@Plugin({ description: 'Counts watches by video and by the minute' })
export class AnalyticsPlugin {
  private readonly videos: Store<Minutes>;
  private readonly progress: Store<Progress>;

  constructor(
    private readonly windows: Store<Window>,
    private readonly events: EventBus,
  ) {
    this.videos = windows.scope('videos');
    this.progress = windows.scope('progress');
  }

  @Subscribe({ from: 'beginning' })
  async count(event: VideoWatchStarted) {
    const { video_id } = event;
    const minute = minuteOf(event.timestamp);
    const minutes = await this.videos.update(video_id, (old) => addMinute(old, minute));
    const window = await this.windows.update(minute, (old) => addWatch(old, video_id, minutes[minute]));

    // The first watch of a minute opens it. Only one event is the first, so each minute is opened and closed once.
    if (window.watches > 1) return;
    const { closing } = await this.progress.update('minutes', (old) => openMinute(old, minute));
    for (const over of closing) await this.close(over);
  }

  private async close(minute: string) {
    const window = await this.windows.get(minute);
    if (window) await this.events.publish(AnalyticsWindowClosed, { window_start: startOf(minute), ...window });
  }
}

/** The watches of one video by minute, for its newest minutes. */
export type Minutes = Record<string, number>;

export interface Window {
  watches: number;
  /** The most watched videos, most watched first. */
  videos: { video_id: string; watches: number }[];
}

export interface Progress {
  /** The minutes that are not closed yet. */
  open: string[];
  /** The minutes that the last update closed. */
  closing: string[];
}

const MAX_MINUTES = 60;
const MAX_VIDEOS = 20;
const MAX_OPEN = 1_000;

/**
 * Returns a minute as text, such as `2026-05-12T19-03`. The text sorts by time and needs no escaping as a store key.
 */
export function minuteOf(timestamp: string): string {
  return new Date(timestamp).toISOString().slice(0, -8).replace(':', '-');
}

function startOf(minute: string): string {
  return minute.replace(/-(\d\d)$/, ':$1:00.000Z');
}

export function addMinute(old: Minutes = {}, minute: string): Minutes {
  const minutes = { ...old, [minute]: (old[minute] ?? 0) + 1 };
  return Object.fromEntries(Object.entries(minutes).sort().slice(-MAX_MINUTES));
}

/**
 * Counts a watch of the minute and updates the video's count. The count only grows, so the greater of two counts is the
 * newer one. An expired minute has no count.
 */
export function addWatch(old: Window = { watches: 0, videos: [] }, video_id: string, watches = 0): Window {
  const present = old.videos.find((video) => video.video_id === video_id);
  const newest = { video_id, watches: Math.max(watches, present?.watches ?? 0) };
  const videos = [...old.videos.filter((video) => video !== present), newest]
    .filter((video) => video.watches > 0)
    .sort((a, b) => b.watches - a.watches || (a.video_id < b.video_id ? -1 : 1));
  return { watches: old.watches + 1, videos: videos.slice(0, MAX_VIDEOS) };
}

/** Opens a minute and closes the earlier ones. A minute that opens late is closed when the next one opens. */
export function openMinute(old: Progress = { open: [], closing: [] }, minute: string): Progress {
  const minutes = [...old.open, minute].sort();
  const open = minutes.filter((each) => each >= minute).slice(-MAX_OPEN);
  return { open, closing: minutes.slice(0, minutes.length - open.length) };
}
