import { inBackgroundOf, within, type Scope } from '../../../host/message/run';
import { Faults, NO_FAULTS } from '../../../host/plugin/faults';
import { RecordingLog } from '../../../host/testing/recording-log';

const BADGE = '/plugins/badge.plugin.ts';
const RANKING = '/plugins/ranking.plugin.ts';
const CONTRACTS = '/plugins/contracts/streaming.ts';
const PLUGINS = [
  { name: 'badge', sources: sources(BADGE, CONTRACTS) },
  // A new version of the same plugin that does not run yet.
  { name: 'badge', sources: sources(BADGE, CONTRACTS) },
  { name: 'ranking', sources: sources(RANKING, CONTRACTS) },
];
const AWARD = { handler: { plugin: 'badge', name: 'award' } } as Scope;

function sources(...files: string[]): Map<string, string> {
  return new Map(files.map((file) => [file, '']));
}

function setUp() {
  const log = new RecordingLog();
  const time = { nowMs: 0 };
  return {
    log,
    time,
    faults: new Faults(
      log,
      () => PLUGINS,
      () => time.nowMs,
    ),
  };
}

/** An error whose stack has line 7 of each of these files. */
function errorIn(...files: string[]): Error {
  const error = new TypeError('no such thing');
  const frames = files.map((file) => `    at work (${file}:7:3)`);
  error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
  return error;
}

test('an error that arose in a handler’s async context belongs to its plugin, with the place in its file', () => {
  const { log, faults } = setUp();
  const error = errorIn('/node_modules/pg/pool.js', BADGE);
  within(AWARD, () => faults.uncaught(error, 'thrown'));
  expect(log.lines).toEqual([
    {
      level: 'error',
      message: 'an error was thrown and nobody caught it',
      fields: {
        plugin: 'badge',
        handler: 'award',
        file: BADGE,
        line: 7,
        code: 'JP_PLUGIN_LATE_ERROR',
        error: 'badge.award: TypeError: no such thing',
        hint: expect.any(String),
        err: error,
      },
    },
  ]);
  expect(faults.of('badge')).toMatchObject({
    lateErrors: 1,
    blocks: 0,
    last: { plugin: 'badge', file: BADGE, line: 7 },
  });
  expect(faults.of('ranking')).toBe(NO_FAULTS);
});

test('an error that arose in a constructor’s async context belongs to its plugin, though the stack does not show it', () => {
  const { log, faults } = setUp();
  inBackgroundOf('ranking', () => faults.uncaught(errorIn(), 'rejected'));
  expect(log.lines).toMatchObject([
    {
      message: 'a promise was rejected and nobody handled it',
      fields: { plugin: 'ranking', error: 'ranking: TypeError: no such thing' },
    },
  ]);
});

test('without a context, a file on the stack that belongs to one plugin only names the plugin', () => {
  const { log, faults } = setUp();
  faults.uncaught(errorIn(CONTRACTS, RANKING), 'thrown');
  expect(log.lines).toMatchObject([{ fields: { plugin: 'ranking', file: RANKING, line: 7 } }]);
});

test('an error of no known plugin is logged without one, and counted', () => {
  const { log, faults } = setUp();
  faults.uncaught(errorIn('/host/nats/pull.ts', CONTRACTS), 'thrown');
  faults.uncaught('a text', 'rejected');
  expect(log.lines).toMatchObject([
    { level: 'error', fields: { code: 'JP_UNCAUGHT_ERROR', file: '/host/nats/pull.ts', line: 7 } },
    { level: 'error', fields: { code: 'JP_UNCAUGHT_ERROR', error: "rejected 'a text'" } },
  ]);
  expect(log.lines.map(({ fields }) => fields['plugin'])).toEqual([undefined, undefined]);
  expect(faults.counts.get('')).toMatchObject({ lateErrors: 2 });
});

test('a repeated error is counted each time, and logged once a minute with the number of repeats', () => {
  const { log, time, faults } = setUp();
  for (let i = 0; i < 1_000; i++) faults.uncaught(errorIn(BADGE), 'thrown');
  faults.uncaught(errorIn(RANKING), 'thrown');
  expect(log.lines.map(({ fields }) => fields['file'])).toEqual([BADGE, RANKING]);
  time.nowMs = 60_000;
  faults.uncaught(errorIn(BADGE), 'thrown');
  expect(log.lines.map(({ fields }) => fields['repeats'])).toEqual([undefined, undefined, 999]);
  expect(faults.of('badge').lateErrors).toBe(1_001);
});

test.each([
  ['nothing', undefined],
  [
    'getters that throw',
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('a trap');
        },
      },
    ),
  ],
  [
    'an error that cannot be looked at',
    Object.defineProperty(errorIn(), 'cause', {
      get: () => {
        throw new Error('a trap');
      },
    }),
  ],
])('%s may be thrown too', (_what, thrown) => {
  const { log, faults } = setUp();
  const write = log.error.bind(log);
  log.error = (message, fields?: { err?: { cause?: unknown } }) => {
    write(message, { ...fields, seen: fields?.err?.cause });
  };
  inBackgroundOf('badge', () => faults.uncaught(thrown, 'thrown'));
  expect(log.lines).toMatchObject([{ level: 'error', fields: { plugin: 'badge' } }]);
});

test('a blocked event loop is logged with its plugin while it is blocked, and with the time when it is free again', () => {
  const { log, faults } = setUp();
  const free = within(AWARD, () => faults.blocked(errorIn(BADGE), 1_040.3));
  const who = { plugin: 'badge', handler: 'award', file: BADGE, line: 7 };
  expect(log.lines).toMatchObject([
    {
      level: 'error',
      message: 'the event loop is blocked',
      fields: {
        ...who,
        code: 'JP_PLUGIN_BLOCKS',
        error: 'badge.award: the event loop has been busy for 1040 ms',
        stack: expect.stringContaining(BADGE),
      },
    },
  ]);
  free(1_512.6);
  expect(log.lines[1]).toEqual({
    level: 'warn',
    message: 'the event loop is free again',
    fields: { ...who, blockedMs: 1_513 },
  });
  expect(faults.of('badge')).toMatchObject({ lateErrors: 0, blocks: 1 });
});

test('a handler that blocks repeatedly is counted each time, and logged once a minute', () => {
  const { log, faults } = setUp();
  for (let i = 0; i < 3; i++) faults.blocked(errorIn(BADGE), 1_000)(1_500);
  expect(log.lines.map(({ message }) => message)).toEqual([
    'the event loop is blocked',
    'the event loop is free again',
  ]);
  expect(faults.of('badge').blocks).toBe(3);
});

test('a blocked event loop of no known plugin is logged with its place', () => {
  const { log, faults } = setUp();
  faults.blocked(errorIn('/host/plugin/transpile.ts'), 1_000);
  expect(log.lines).toMatchObject([
    { fields: { code: 'JP_LOOP_BLOCKED', file: '/host/plugin/transpile.ts', line: 7 } },
  ]);
});
