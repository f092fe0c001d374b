import { EventBus, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { UserFriendAdded, NotificationRequested, VideoWatchStarted } from './contracts/streaming';

@Plugin({ description: 'Tells the viewer’s friends' })
export class NotificationPlugin {
  constructor(
    private readonly friends: Store<Friend[]>,
    private readonly events: EventBus,
  ) {}

  @Subscribe({ from: 'beginning' })
  async befriend(event: UserFriendAdded) {
    const friend = { user_id: event.friend_id, since: Date.parse(event.timestamp) };
    await this.friends.update(event.user_id, (old) => addFriend(old, friend));
  }

  // The handler takes only new watches, because nobody wants a notification of last week's watches.
  @Subscribe()
  async tell({ user_id, video_id }: VideoWatchStarted) {
    const friends = (await this.friends.get(user_id)) ?? [];
    if (friends.length === 0) return;
    // One event names all recipients, because one event for each would put up to 200 events for a watch into the stream.
    const recipients = friends.map((friend) => friend.user_id);
    await this.events.publish(NotificationRequested, { user_id, video_id, recipients });
  }
}

export interface Friend {
  user_id: string;
  /** When the friend was last added, in ms since 1970. */
  since: number;
}

const MAX_FRIENDS = 200;

/** Adds a friend to the friends that were added last, newest first. A friend who is added again moves up. */
export function addFriend(old: Friend[] = [], friend: Friend): Friend[] {
  const present = old.find((each) => each.user_id === friend.user_id);
  const newest = present && present.since > friend.since ? present : friend;
  return [...old.filter((each) => each !== present), newest]
    .sort((a, b) => b.since - a.since || (a.user_id < b.user_id ? -1 : 1))
    .slice(0, MAX_FRIENDS);
}
