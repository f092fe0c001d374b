/** The events of the streaming platform, for those who publish them and for those who react. */
import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

/**
 * Names a viewer, a video or a genre. A character takes at most 3 bytes, so that any of these fits
 * a store key of 512 bytes; half a surrogate pair is no text, and no key either.
 */
export const id = z
  .string()
  .min(1)
  .max(170)
  .regex(/^\P{Cs}*$/u, 'must be well-formed Unicode');

const count = z.int().positive();

/** A viewer pressed play. */
export class VideoWatchStarted extends defineEvent('video.watch_started', z.object({ user_id: id, video_id: id })) {}

/** A video can be watched, or its genres have changed: the newest one counts. */
export class VideoPublished extends defineEvent(
  'video.published',
  z.object({ video_id: id, genres: z.array(id).max(10) }),
) {}

/** A viewer added a friend, who is told from now on what the viewer watches; the other way round takes an event of its own. */
export class UserFriendAdded extends defineEvent('user.friend_added', z.object({ user_id: id, friend_id: id })) {}

/** What a viewer likes has changed. The greater `watches` is the newer one. */
export class UserPreferencesUpdated extends defineEvent(
  'user.preferences_updated',
  z.object({
    user_id: id,
    /** How many watches this rests on. */
    watches: count,
    /** The favourite genres, best first, each with its share (0–1) of all that was watched. */
    genres: z.array(z.object({ genre: id, share: z.number().min(0).max(1) })).max(10),
  }),
) {}

/** What to offer to a viewer next, best first. */
export class RecommendationUpdated extends defineEvent(
  'recommendation.updated',
  z.object({ user_id: id, video_ids: z.array(id).min(1).max(100) }),
) {}

/** A minute is over. Sent once for each minute that had a watch; a watch that arrives later is not in it. */
export class AnalyticsWindowClosed extends defineEvent(
  'analytics.window_closed',
  z.object({
    /** When the minute began: ISO 8601, UTC. */
    window_start: z.iso.datetime(),
    /** All watches of the minute. */
    watches: count,
    /** The most watched videos of the minute, most watched first. */
    videos: z.array(z.object({ video_id: id, watches: count })).max(20),
  }),
) {}

/** These people should be told what a viewer watches. One event for all of them. */
export class NotificationRequested extends defineEvent(
  'notification.requested',
  z.object({ user_id: id, video_id: id, recipients: z.array(id).min(1).max(200) }),
) {}

/** A viewer reached a milestone. */
export class BadgeAwarded extends defineEvent(
  'badge.awarded',
  z.object({
    user_id: id,
    /** The badge's name, where it has one. */
    badge: id.optional(),
    /** How many videos the viewer has started. */
    count,
  }),
) {}

/** The order of the top videos has changed. The greater `revision` is the newer one. */
export class RankingChanged extends defineEvent(
  'ranking.changed',
  z.object({ revision: count, video_ids: z.array(id).min(1).max(100) }),
) {}
