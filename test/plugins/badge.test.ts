import fc from 'fast-check';
import { testHost } from 'jetplug/testing';
import { BadgePlugin } from '../../plugins/badge.plugin';
import { BadgeAwarded, VideoWatchStarted } from '../../plugins/contracts/streaming';
import { MemoryStore, RecordingBus, settingsOf, type Turn } from '../support/plugin-harness';
import { atOnce, watches } from '../support/watches';

async function watched(users: readonly string[], badge: object = {}) {
  const host = await testHost([BadgePlugin], { settings: { badge } });
  for (const user_id of users) await host.publish(VideoWatchStarted, { user_id, video_id: 'v1' });
  await host.settled();
  await host.stop();
  return host;
}

test('counts the watches of each viewer as a plain number under the viewer’s id', async () => {
  const store = (await watched(['u1', 'u2', 'u1'])).store(BadgePlugin);
  expect([await store.get('u1'), await store.get('u2')]).toEqual([2, 1]);
});

test('awards a badge at 1, 10, 100 and 1,000 watches', async () => {
  const host = await watched(Array.from({ length: 1_001 }, () => 'u1'));
  expect(host.published(BadgeAwarded)).toMatchObject([
    { user_id: 'u1', badge: 'first-watch', count: 1 },
    { user_id: 'u1', badge: '10-watches', count: 10 },
    { user_id: 'u1', badge: '100-watches', count: 100 },
    { user_id: 'u1', badge: '1000-watches', count: 1_000 },
  ]);
});

test('takes other milestones from its settings', async () => {
  const host = await watched(['u1', 'u1', 'u1'], { milestones: [2] });
  expect(host.published(BadgeAwarded)).toMatchObject([{ user_id: 'u1', badge: '2-watches', count: 2 }]);
});

test('refuses a milestone that no viewer can reach', async () => {
  await expect(watched([], { milestones: [0] })).rejects.toMatchObject({ code: 'JP_PLUGIN_SETTINGS_INVALID' });
});

test('awards a badge once when the host dies before it could acknowledge the watch', async () => {
  const host = await testHost([BadgePlugin]);
  host.crashBeforeAck();
  await host.publish(VideoWatchStarted, { user_id: 'u1', video_id: 'v1' });
  await host.settled();
  expect(host.published(BadgeAwarded)).toHaveLength(1);
  expect(await host.store(BadgePlugin).get('u1')).toBe(1);
  await host.stop();
});

function setUp(turn: Turn) {
  const store = new MemoryStore<number>(turn);
  const bus = new RecordingBus();
  return { store, bus, plugin: new BadgePlugin(store, bus, settingsOf(BadgePlugin)) };
}

const award = ({ plugin }: ReturnType<typeof setUp>, event: VideoWatchStarted) => plugin.award(event);

test('awards each milestone once to each viewer who reached it, in every order of handling', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), watches(1_000), async (s, events) => {
      const { store, bus } = await atOnce(s, setUp, events, award);
      const counts = new Map<string, number>();
      for (const { user_id } of events) counts.set(user_id, (counts.get(user_id) ?? 0) + 1);
      expect(store.all()).toEqual(Object.fromEntries(counts));
      const due = [...counts].flatMap(([user, n]) =>
        [1, 10].filter((mark) => mark <= n).map((mark) => `${user} ${mark}`),
      );
      const awarded = bus.of(BadgeAwarded).map(({ user_id, count }) => `${user_id} ${count}`);
      expect(awarded.sort()).toEqual(due.sort());
    }),
  );
});
