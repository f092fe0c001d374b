/** The contracts of the streaming platform's events, for publishers and subscribers. */
import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

/**
 * The id of a viewer, a video or a genre. Each character takes at most 3 bytes, so that every id fits a store key of
 * 512 bytes. An unpaired surrogate is not valid text, and not a valid key.
 */
export const id = z
  .string()
  .min(1)
  .max(170)
  .regex(/^\P{Cs}*$/u, 'must be well-formed Unicode');

const count = z.int().positive();

/** A viewer pressed play. */
export class VideoWatchStarted extends defineEvent('video.watch_started', z.object({ user_id: id, video_id: id })) {}

/** A video can be watched, or its genres have changed. The newest event counts. */
export class VideoPublished extends defineEvent(
  'video.published',
  z.object({ video_id: id, genres: z.array(id).max(10) }),
) {}

/** A viewer added a friend, who is now notified of the viewer's watches. The reverse needs an event of its own. */
export class UserFriendAdded extends defineEvent('user.friend_added', z.object({ user_id: id, friend_id: id })) {}

/** A viewer's preferences have changed. The greater `watches` is the newer one. */
export class UserPreferencesUpdated extends defineEvent(
  'user.preferences_updated',
  z.object({
    user_id: id,
    /** How many watches the preferences are computed from. */
    watches: count,
    /** The favourite genres, best first, each with its share (0–1) of all watches. */
    genres: z.array(z.object({ genre: id, share: z.number().min(0).max(1) })).max(10),
  }),
) {}

/** The videos to offer to a viewer next, best first. */
export class RecommendationUpdated extends defineEvent(
  'recommendation.updated',
  z.object({ user_id: id, video_ids: z.array(id).min(1).max(100) }),
) {}

/** A minute is over. Published once for each minute with a watch. A watch that arrives later is not counted in it. */
export class AnalyticsWindowClosed extends defineEvent(
  'analytics.window_closed',
  z.object({
    /** The start of the minute: ISO 8601, UTC. */
    window_start: z.iso.datetime(),
    /** The number of watches in the minute. */
    watches: count,
    /** The most watched videos of the minute, most watched first. */
    videos: z.array(z.object({ video_id: id, watches: count })).max(20),
  }),
) {}

/** The recipients should be notified of a viewer's watch. One event names all of them. */
export class NotificationRequested extends defineEvent(
  'notification.requested',
  z.object({ user_id: id, video_id: id, recipients: z.array(id).min(1).max(200) }),
) {}

/** A viewer reached a milestone. */
export class BadgeAwarded extends defineEvent(
  'badge.awarded',
  z.object({
    user_id: id,
    /** The badge's name, if it has one. */
    badge: id.optional(),
    /** The number of videos that the viewer has started. */
    count,
  }),
) {}

/** The order of the top videos has changed. The greater `revision` is the newer one. */
export class RankingChanged extends defineEvent(
  'ranking.changed',
  z.object({ revision: count, video_ids: z.array(id).min(1).max(100) }),
) {}
