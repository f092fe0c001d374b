import fc from 'fast-check';
import { testHost } from 'jetplug/testing';
import { NotificationRequested, UserFriendAdded, VideoWatchStarted } from '../../plugins/contracts/streaming';
import { NotificationPlugin, type Friend } from '../../plugins/notification.plugin';
import { eventOf, MemoryStore, RecordingBus, type Turn } from '../support/plugin-harness';
import { after, atOnce, inOrder, shuffled } from '../support/watches';

function setUp(turn?: Turn) {
  const store = new MemoryStore<Friend[]>(turn);
  const bus = new RecordingBus();
  return { store, bus, plugin: new NotificationPlugin(store, bus) };
}

type Bench = ReturnType<typeof setUp>;

const HOUR_MS = 3_600_000;
const befriend = ({ plugin }: Bench, event: UserFriendAdded) => plugin.befriend(event);
const added = (user_id: string, friend_id: string, hour = 0) =>
  eventOf(UserFriendAdded, { user_id, friend_id }, after(hour, HOUR_MS));

/** Returns the requested notifications when u1 watches a video. The friends were added before, one hour apart. */
async function askedFor(...friendships: readonly [user: string, friend: string][]) {
  const host = await testHost([NotificationPlugin]);
  for (const [hour, [user_id, friend_id]] of friendships.entries()) {
    await host.publish(UserFriendAdded, { user_id, friend_id }, { timestamp: after(hour, HOUR_MS) });
  }
  await host.settled();
  await host.publish(VideoWatchStarted, { user_id: 'u1', video_id: 'v1' });
  await host.settled();
  await host.stop();
  return host.published(NotificationRequested);
}

test('requests one notification for all friends of the viewer, the newest first', async () => {
  expect(await askedFor(['u1', 'u2'], ['u1', 'u3'], ['u2', 'u9'])).toMatchObject([
    { user_id: 'u1', video_id: 'v1', recipients: ['u3', 'u2'] },
  ]);
});

test('requests no notification if the viewer has no friends', async () => {
  expect(await askedFor()).toEqual([]);
});

test('does not notify people who added the viewer but whom the viewer did not add', async () => {
  expect(await askedFor(['u2', 'u1'])).toEqual([]);
});

test('keeps a friend once, however often added, and at most 200 of them', async () => {
  const friends = Array.from({ length: 210 }, (_, i) => added('u1', `f${i}`, i));
  const bench = await inOrder(setUp(), [...friends, added('u1', 'f0', 300), added('u1', 'f209', 1)], befriend);
  const kept = bench.store.all()['u1'] ?? [];
  expect(kept).toHaveLength(200);
  expect(kept.slice(0, 2).map(({ user_id }) => user_id)).toEqual(['f0', 'f209']);
});

test('keeps the same friends in every order of arrival', async () => {
  const one = fc.tuple(fc.constantFrom('u1', 'u2'), fc.constantFrom('u3', 'constructor', '__proto__'), fc.nat(5));
  const events = fc.array(one.map(([user, friend, hour]) => added(user, friend, hour)));
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), shuffled(events), async (s, [ordered, unordered]) => {
      const expected = await inOrder(setUp(), ordered, befriend);
      const actual = await atOnce(s, setUp, unordered, befriend);
      expect(actual.store.all()).toEqual(expected.store.all());
    }),
  );
});
