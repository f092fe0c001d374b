import { assertChosen, select, type SelectionFlags } from '../../../host/cli/dead-selection';
import type { DeadLetterSummary } from '../../../host/ops/dead-letter-summary';

const MINUTE = 60_000;
const NOW = Date.parse('2026-05-12T12:00:00Z');
beforeEach(() => jest.useFakeTimers({ now: NOW }));
afterEach(() => jest.useRealTimers());

function letter(id: number, over: Partial<DeadLetterSummary> = {}): DeadLetterSummary {
  return {
    id,
    plugin: 'badge',
    handler: 'award',
    reason: 'attempts-exhausted',
    error: 'broken',
    attempts: 3,
    subject: 'video.watch_started',
    stream: 'EVENTS',
    sequence: id + 100,
    time: new Date(NOW - id * 10 * MINUTE).toISOString(),
    fingerprint: 'aaa',
    ...over,
  };
}

const LETTERS = [
  letter(1),
  letter(2, { plugin: 'ranking' }),
  letter(3, { reason: 'invalid-json', fingerprint: 'bbb' }),
  letter(4, { fingerprint: 'bbb' }),
];

const chosen = (flags: Partial<SelectionFlags>, ...ids: string[]): number[] =>
  select(LETTERS, ids, flags as SelectionFlags).map(({ id }) => id);

test.each<[Partial<SelectionFlags>, string[], number[]]>([
  [{}, [], [1, 2, 3, 4]],
  [{ all: true }, [], [1, 2, 3, 4]],
  [{}, ['3', '1'], [1, 3]],
  [{ plugin: 'badge' }, [], [1, 3, 4]],
  [{ reason: 'invalid-json' }, [], [3]],
  [{ group: 'bbb' }, [], [3, 4]],
  [{ group: 'bbb', plugin: 'badge', reason: 'attempts-exhausted' }, [], [4]],
  [{ plugin: 'ranking' }, ['1', '2'], [2]],
  [{ plugin: 'unknown' }, [], []],
  [{ since: '25m' }, [], [1, 2]],
  [{ before: '25m' }, [], [3, 4]],
  [{ since: '2026-05-12T11:40:00Z' }, [], [1, 2]],
  [{ before: '2026-05-12T11:40:00Z' }, [], [3, 4]],
  [{ since: '35m', before: '15m' }, [], [2, 3]],
])('%j with the ids %j chooses %j', (flags, ids, expected) => {
  expect(chosen(flags, ...ids)).toEqual(expected);
});

test('an unknown id is refused, also beside known ones', () => {
  expect(() => chosen({}, '1', '9')).toThrow(expect.objectContaining({ code: 'JP_NOT_FOUND' }));
});

test.each(['0', '-1', '1.5', 'x', '', '1e99x'])('%j is not the id of a letter', (id) => {
  expect(() => chosen({}, id)).toThrow(expect.objectContaining({ code: 'JP_USAGE' }));
});

test.each(['yesterday', '', '2 parsecs'])('%j is not a time', (since) => {
  expect(() => chosen({ since })).toThrow(expect.objectContaining({ code: 'JP_USAGE' }));
});

test('a command that changes letters requires a choice', () => {
  for (const flags of [{}, { dryRun: true }, { json: true }, { all: false }] as SelectionFlags[]) {
    expect(() => assertChosen([], flags)).toThrow(expect.objectContaining({ code: 'JP_USAGE' }));
  }
  const enough = [
    { all: true },
    { group: 'a' },
    { plugin: 'a' },
    { reason: 'a' },
    { since: '1h' },
    { before: '1h' },
  ] as SelectionFlags[];
  for (const flags of enough) assertChosen([], flags);
  assertChosen(['1'], {});
});
