import { DiscardPolicy, nanos, RetentionPolicy, type StreamConfig } from 'nats';
import { changesOf, changeText, coversAll, droppedSubjects, fixedChanges } from '../../../host/nats/stream-changes';
import type { StreamSettings } from '../../../host/nats/wanted-streams';

const WANTED: StreamSettings = {
  name: 'EVENTS',
  subjects: ['video.>', 'user.>'],
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  max_age: nanos(86_400_000),
  max_bytes: 1024 ** 3,
  duplicate_window: nanos(120_000),
  num_replicas: 1,
  deny_delete: false,
};

const changes = (actual: Partial<StreamConfig>): string[] =>
  changesOf(WANTED, { ...WANTED, ...actual } as StreamConfig).map(changeText);

test('a stream with the settings of the config has no changes, with any other fields and any order of subjects', () => {
  const { deny_delete: _, ...sent } = WANTED;
  const actual = { ...sent, subjects: ['user.>', 'video.>'], max_msgs: 5, metadata: { a: 'b' } };
  expect(changesOf(WANTED, actual as unknown as StreamConfig)).toEqual([]);
});

test.each<[Partial<StreamConfig>, string]>([
  [{ max_age: 0 }, 'maxAge unlimited → 1d'],
  [{ max_age: nanos(90_000) }, 'maxAge 90s → 1d'],
  [{ max_bytes: -1 }, 'maxBytes unlimited → 1 GiB'],
  [{ max_bytes: 1024 ** 3 + 1 }, 'maxBytes 1073741825 → 1073741824'],
  [{ duplicate_window: nanos(500) }, 'duplicateWindow 500ms → 2m'],
  [{ num_replicas: 3 }, 'replicas 3 → 1'],
  [{ subjects: ['video.>'] }, 'subjects video.> → video.> user.>'],
  [{ subjects: undefined as never }, 'subjects absent → video.> user.>'],
  [{ discard: DiscardPolicy.New }, 'discard new → old'],
  [{ deny_delete: true }, 'deny_delete true → false'],
])('the change of %j is described in readable units', (actual, text) => {
  expect(changes(actual)).toEqual([text]);
});

test('the server does not change storage and retention in place', () => {
  const actual = { ...WANTED, retention: RetentionPolicy.Interest, max_age: 0 } as StreamConfig;
  expect(fixedChanges(changesOf(WANTED, actual)).map(({ field }) => field)).toEqual(['retention']);
});

test.each([
  [['video.>'], ['video.watch_started'], ['video.>']],
  [['video.a', 'video.b'], ['video.*'], []],
  [['video.a.b', 'user.a'], ['video.*', 'user.a'], ['video.a.b']],
  [['>'], ['video.>', 'user.>'], ['>']],
])('from %j to %j drops %j', (before, after, dropped) => {
  expect(droppedSubjects(before, after)).toEqual(dropped);
  expect(coversAll(after, before)).toBe(dropped.length === 0);
});
