import {
  changeTexts,
  correctedConfig,
  differencesOf,
  filtersFor,
  formerRecord,
  newConfig,
  type ServerConfig,
} from '../../../host/nats/durable-config';

const SPEC = {
  subject: 'video.*',
  ackWaitMs: 15_000,
  maxAckPending: 5_000,
  owner: { plugin: 'badge', handler: 'award' },
  deployment: 'jetplug',
};
/** The config that a server reports for a durable that a host has created. */
const SHOWN = {
  ...newConfig(SPEC),
  name: 'badge-award',
  durable_name: 'badge-award',
  deliver_policy: 'new',
  max_waiting: 512,
  num_replicas: 0,
};
const shown = (changes: object = {}): ServerConfig => ({ ...SHOWN, ...changes }) as unknown as ServerConfig;

test('a durable that a host has created does not differ', () => {
  expect(differencesOf(SPEC, shown())).toEqual({
    fixed: [],
    correctable: [],
    ofOtherHost: [],
    skipsEvents: false,
    unknown: [],
  });
});

test.each<[field: string, value: unknown, change: string, skipsEvents: boolean]>([
  ['max_deliver', 3, 'max_deliver: 3 → -1', true],
  ['headers_only', true, 'headers_only: true → false', false],
  ['filter_subject', 'video.a', 'filter_subject: video.a → video.*', true],
  ['filter_subjects', ['video.a', 'video.b'], 'filter_subject: video.a,video.b → video.*', true],
  ['ack_wait', 1_000_000_000, 'ack_wait: 1 s → 15 s', false],
  ['max_ack_pending', 1, 'max_ack_pending: 1 → 5000', false],
  ['backoff', [1_000_000_000, 2_500_000_000], 'backoff: 1 s, 2.5 s → none', false],
  ['max_batch', 5, 'max_batch: 5 → 0', false],
  ['max_expires', 5_000_000_000, 'max_expires: 5 s → 0 s', false],
  ['max_bytes', 1_024, 'max_bytes: 1024 → 0', false],
  ['inactive_threshold', 600_000_000_000, 'inactive_threshold: 600 s → 0 s', false],
  ['priority_groups', ['g1'], 'priority_groups: g1 → none', false],
  ['priority_policy', 'pinned_client', 'priority_policy: pinned_client → none', false],
  ['priority_timeout', 10_000_000_000, 'priority_timeout: 10 s → 0 s', false],
  ['sample_freq', '50', 'sample_freq: 50 → none', false],
  ['num_replicas', 1, 'num_replicas: 1 → 0', false],
  ['rate_limit_bps', 100, 'rate_limit_bps: 100 → 0', false],
  ['deliver_group', 'g', 'deliver_group: g → none', false],
  ['description', 'mine', 'description: mine → jetplug badge.award', false],
])('%s of an operator is corrected', (field, value, change, skipsEvents) => {
  const actual = shown({ [field]: value });
  const found = differencesOf(SPEC, actual);
  expect(changeTexts(found.correctable)).toEqual([change]);
  expect(found).toMatchObject({ fixed: [], ofOtherHost: [], skipsEvents });
  expect(differencesOf(SPEC, correctedConfig(SPEC, actual)).correctable).toEqual([]);
});

test.each([
  ['deliver_subject', 'x', 'deliver_subject: x → none'],
  ['ack_policy', 'all', 'ack_policy: all → explicit'],
  ['replay_policy', 'original', 'replay_policy: original → instant'],
  ['mem_storage', true, 'mem_storage: true → false'],
  ['max_waiting', 10, 'max_waiting: 10 → 512'],
])('%s cannot be corrected', (field, value, change) => {
  expect(changeTexts(differencesOf(SPEC, shown({ [field]: value })).fixed)).toEqual([change]);
});

test('the start position, a pause and a higher limit of waiting pulls are no differences', () => {
  const actual = shown({ deliver_policy: 'all', opt_start_seq: 9, pause_until: '2030-01-01', max_waiting: 1_000 });
  expect(differencesOf(SPEC, actual)).toMatchObject({ fixed: [], correctable: [] });
});

test('a setting of a newer server is reported and left unchanged', () => {
  const actual = shown({ max_wonders: 7 });
  expect(differencesOf(SPEC, actual)).toMatchObject({ correctable: [], unknown: ['max_wonders'] });
  expect(correctedConfig(SPEC, actual)).toMatchObject({ max_wonders: 7 });
});

test('the filter of another host is distinguished from that of an operator', () => {
  const other = shown(newConfig({ ...SPEC, subject: 'user.*' }));
  const byHost = differencesOf(SPEC, other);
  expect(byHost).toMatchObject({ correctable: [], skipsEvents: false });
  expect(changeTexts(byHost.ofOtherHost)).toEqual(['filter_subject: user.* → video.*']);
  const byOperator = differencesOf(SPEC, { ...other, filter_subject: 'x' });
  expect(changeTexts(byOperator.correctable)).toEqual(['filter_subject: x → video.*']);
  expect(byOperator.ofOtherHost).toEqual([]);
});

test('settings that the config decides are corrected, whoever has set them', () => {
  const byHost = shown(newConfig({ ...SPEC, ackWaitMs: 30_000 }));
  for (const actual of [byHost, shown({ ack_wait: 30_000_000_000 })]) {
    const { correctable, ofOtherHost } = differencesOf(SPEC, actual);
    expect([changeTexts(correctable), ofOtherHost]).toEqual([['ack_wait: 30 s → 15 s'], []]);
  }
});

test('a filter that a host has set skips no events, and constant fields are corrected in any case', () => {
  const other = shown({ ...newConfig({ ...SPEC, subject: 'user.*' }), headers_only: true });
  const found = differencesOf(SPEC, other);
  expect(found.skipsEvents).toBe(false);
  expect(changeTexts(found.correctable)).toEqual(['headers_only: true → false']);
});

test('an adopted durable that no host has used yet is corrected in place', () => {
  const adopted = shown({ metadata: { 'jetplug.deployment': 'jetplug' }, max_deliver: 3, filter_subject: 'x' });
  expect(differencesOf(SPEC, adopted)).toMatchObject({ skipsEvents: false });
});

describe('a durable that still delivers an earlier subject of its handler', () => {
  const FORMER = { ...SPEC, subject: 'user.a', former: [{ subject: 'video.*', until: 7 }] };

  test('has both filters, and does not differ for the hosts of the same version', () => {
    const changed = correctedConfig(FORMER, shown());
    expect(changed).toMatchObject({ filter_subjects: ['user.a', 'video.*'] });
    expect(changed).not.toHaveProperty('filter_subject');
    expect(differencesOf(FORMER, changed)).toMatchObject({ correctable: [], ofOtherHost: [], skipsEvents: false });
  });

  test('is corrected in place when the earlier subject is done, and is then as if the subject had never changed', () => {
    const done = { ...FORMER, former: [] };
    const changed = correctedConfig(FORMER, shown());
    const found = differencesOf(done, changed);
    expect(changeTexts(found.correctable)).toEqual(['filter_subject: user.a,video.* → user.a']);
    expect(found).toMatchObject({ ofOtherHost: [], skipsEvents: false });
    const corrected = correctedConfig(done, changed);
    expect(corrected).toMatchObject({ filter_subject: 'user.a' });
    expect(formerRecord(corrected.metadata)).toBeUndefined();
    expect(differencesOf(done, corrected)).toMatchObject({ correctable: [], ofOtherHost: [] });
  });

  test('has settings of another host for a host of the version before', () => {
    const found = differencesOf(SPEC, correctedConfig(FORMER, shown()));
    expect(changeTexts(found.ofOtherHost)).toEqual(['filter_subject: user.a,video.* → video.*']);
    expect(found.correctable).toEqual([]);
  });

  test('has no filter that another one covers', () => {
    const filters = (subject: string, ...former: string[]): string[] =>
      filtersFor({ subject, former: former.map((one) => ({ subject: one, until: 1 })) });
    expect(filters('video.a', 'video.>', 'user.a')).toEqual(['video.>', 'user.a']);
    expect(filters('video.>', 'video.a')).toEqual(['video.>']);
    expect(filters('video.a', 'video.a')).toEqual(['video.a']);
  });

  test.each([undefined, 'no JSON', 'null', '{"subject":1,"former":[]}', '{"subject":"a"}'])(
    'is not meant by the entry %s',
    (entry) => {
      expect(formerRecord(entry === undefined ? {} : { 'jetplug.former': entry })).toBeUndefined();
    },
  );
});
