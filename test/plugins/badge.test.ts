import fc from 'fast-check';
import { BadgePlugin } from '../../plugins/badge.plugin';
import { BadgeAwarded, type VideoWatchStarted } from '../../plugins/contracts/streaming';
import { MemoryStore, RecordingBus, settingsOf, type Turn } from '../support/plugin-harness';
import { atOnce, watch, watches } from '../support/watches';

function setUp(turn?: Turn, section?: object) {
  const store = new MemoryStore<number>(turn);
  const bus = new RecordingBus();
  return { store, bus, plugin: new BadgePlugin(store, bus, settingsOf(BadgePlugin, section)) };
}

const award = ({ plugin }: ReturnType<typeof setUp>, event: VideoWatchStarted) => plugin.award(event);

test('counts the watches of each viewer as a plain number under the viewer’s id', async () => {
  const { plugin, store } = setUp();
  for (const user of ['u1', 'u2', 'u1']) await plugin.award(watch(user, 'v1'));
  expect(store.all()).toEqual({ u1: 2, u2: 1 });
});

test('awards a badge at 1, 10, 100 and 1,000 watches', async () => {
  const { plugin, bus } = setUp();
  for (let i = 0; i < 1_001; i++) await plugin.award(watch('u1', `v${i}`));
  expect(bus.of(BadgeAwarded)).toEqual([
    { user_id: 'u1', badge: 'first-watch', count: 1 },
    { user_id: 'u1', badge: '10-watches', count: 10 },
    { user_id: 'u1', badge: '100-watches', count: 100 },
    { user_id: 'u1', badge: '1000-watches', count: 1_000 },
  ]);
});

test('takes other milestones from its settings', async () => {
  const { plugin, bus } = setUp(undefined, { milestones: [2] });
  for (let i = 0; i < 3; i++) await plugin.award(watch('u1', 'v1'));
  expect(bus.of(BadgeAwarded)).toEqual([{ user_id: 'u1', badge: '2-watches', count: 2 }]);
});

test('refuses a milestone that no viewer can reach', () => {
  expect(() => settingsOf(BadgePlugin, { milestones: [0] })).toThrow(/milestones/);
});

test('awards each milestone once to each viewer who reached it, whatever is handled when', async () => {
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
