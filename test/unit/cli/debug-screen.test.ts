import { debugJson } from '../../../host/cli/debug-json';
import { debugScreen, waitScreen } from '../../../host/cli/debug-screen';
import type { DebuggedRun } from '../../../host/cli/debugged-run';
import type { Effects } from '../../../host/replay/effect-run';

const STORED_AT_MS = Date.parse('2026-05-12T12:00:00Z');
const handler = {
  plugin: 'badge',
  handler: 'award',
  version: 'abc',
  where: { file: '/p/b.plugin.ts', line: 7 },
  timeoutMs: 1,
};

const EFFECTS: Effects = {
  ...{ outcome: 'handled', verdict: 'settled', ranMs: 2 },
  ...{ changes: [], events: [], hasAfterCommit: false, log: [], logLeft: 0 },
};

const runOf = (effects: Partial<Effects>, store: Partial<DebuggedRun['store']> = {}): DebuggedRun => ({
  event: {
    ...{ stream: 'EVENTS', sequence: 12, subject: 'video.x', storedAtMs: STORED_AT_MS },
    ...{ payload: Buffer.from('{}'), headers: {} },
  },
  ...{ id: 'e\u001b[2J', handler, isInspected: false },
  store: { kind: 'before-run', atMs: STORED_AT_MS, texts: new Map([['u1', '1']]), unknown: [], ...store },
  effects: { ...EFFECTS, ...effects },
});

const screen = (...given: Parameters<typeof runOf>): string => debugScreen(runOf(...given)).join('\n');

test('texts from events, plugins and the store cannot move the cursor', () => {
  const hostile = '\u001b[2J';
  const text = screen({
    ...{ outcome: 'failed', verdict: 'dead-lettered', reason: 'rejected' },
    error: { name: 'Error', message: hostile, stack: `Error: ${hostile}\n    at x (/p/${hostile}.ts:1:1)` },
    changes: [{ key: 'k', before: `not json ${hostile}`, after: JSON.stringify(hostile) }],
    log: [{ level: 'info', message: hostile, fields: { hostile } }],
    events: [{ id: 'x', subject: 'a.b', payload: JSON.stringify({ hostile }), headers: {} }],
  });
  expect(text).not.toContain('\u001b');
});

test('a failure shows its frames in the author’s files, and the fate of the event', () => {
  const frames = ['at award (/p/b.plugin.ts:9:3)', 'at x (/n/node_modules/y/z.js:1:1)', 'at node:internal/x:1:1'];
  const stack = ['TypeError: broken', ...frames].join('\n    ');
  const text = screen({
    outcome: 'failed',
    verdict: 'retried',
    delayMs: 1_000,
    error: { name: 'TypeError', message: 'broken', stack },
  });
  expect(text).toContain(
    '  ✖ failed in 2 ms: TypeError: broken\n      at award (/p/b.plugin.ts:9:3)\n    a host would retry the event after 1.0 s',
  );
});

test.each([
  [
    'when-stored',
    [],
    'the store as it stood when the event was stored at 2026-05-12T12:00:00.000Z; no commit has the event, 1 key',
  ],
  ['present', [], 'the present store, because the kept history does not reach back to the event, 1 key'],
  ['none', [], 'an empty store, because the plugin has none on the server'],
  [
    'before-run',
    ['a=20b', 's=.c'],
    'the history does not have the earlier value of a b, s: c; the present one is used',
  ],
] as const)('a store whose state is %s is explained', (kind, unknown, expected) => {
  expect(screen({}, { kind, unknown })).toContain(`  ${expected}`);
});

test('a run under a debugger has no duration', () => {
  const run = { ...runOf({}), isInspected: true };
  expect(debugScreen(run)).toContain('  ✔ handled');
  expect(JSON.parse(debugJson(run))).not.toHaveProperty('ranMs');
});

test('the JSON has the values of the store as they are written', () => {
  const changes = [
    { key: 's=.a', before: '12345678901234567890', after: '1.0' },
    { key: 'b', before: null, after: 'no json' },
    { key: 'c', before: '1', after: null },
  ];
  expect(debugJson(runOf({ changes }))).toContain(
    '"changes":[{"scope":"s","key":"a","before":{"value":12345678901234567890},"after":{"value":1.0}},' +
      '{"key":"b","after":{"text":"no json"}},{"key":"c","before":{"value":1}}]}',
  );
});

test('the waiting text names the address and each way to attach', () => {
  const text = waitScreen(handler, { host: '127.0.0.1', port: 9230 });
  expect(text).toContain(
    'the debugger listens on 127.0.0.1:9230; badge.award waits at its first line (/p/b.plugin.ts:7)',
  );
  expect(text).toMatch(/"port": 9230\n.*chrome:\/\/inspect\n.*node inspect 127\.0\.0\.1:9230\n$/);
});
