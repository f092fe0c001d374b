import { join } from 'node:path';
import pino from 'pino';
import { terminalLog } from '../../../host/log/terminal-log';
import { ROOT } from '../../support/markdown';

const PLUGIN = join(ROOT, 'plugins/badge.plugin.ts');

/** The lines that a log prints on a terminal, without their time. */
function shown(log: (to: pino.Logger) => void, { verbose = false, colours = false } = {}): string[] {
  const lines: string[] = [];
  const stream = terminalLog({ verbose, colours, write: (text) => lines.push(...text.split('\n').slice(0, -1)) });
  const named = { base: null, formatters: { level: (label: string) => ({ level: label }) } };
  const serializers = { err: pino.stdSerializers.errWithCause };
  log(pino({ ...named, serializers, level: 'debug', timestamp: pino.stdTimeFunctions.isoTime }, stream));
  return lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''));
}

/** An error that was thrown in these files, the innermost first. */
function thrownIn(files: readonly string[], error: Error): Error {
  const frames = files.map((file, i) => `    at award (${file}:${i + 3}:1)`);
  return Object.assign(error, { stack: [`${error.name}: ${error.message}`, ...frames].join('\n') });
}

test('a log entry is one line: level, plugin, message, fields', () => {
  const fields = {
    plugin: 'badge',
    handler: 'award',
    sequence: 7,
    subject: 'video.watch_started',
    list: [1, { a: 1 }],
  };
  expect(shown((log) => log.info(fields, 'an event is retried'))).toEqual([
    'INFO  badge.award an event is retried sequence=7 subject=video.watch_started list=[1,{"a":1}]',
  ]);
});

test('an error is shown with its causes, and with the frames of the author’s files only', () => {
  const cause = thrownIn([], new Error('connect ECONNREFUSED 127.0.0.1:9000'));
  const files = [
    join(ROOT, 'node_modules/undici/index.js'),
    join(ROOT, 'plugins/lib/ml.ts'),
    PLUGIN,
    join(ROOT, 'host/message/dispatch.ts'),
    join(ROOT, 'dist/sdk/index.js'),
    'node:internal/timers',
  ];
  const err = thrownIn(files, new TypeError('fetch failed', { cause }));
  const place = `at ${join('plugins', 'lib', 'ml.ts')}:4 at ${join('plugins', 'badge.plugin.ts')}:5`;
  expect(shown((log) => log.error({ err }, 'an event is dead-lettered'))).toEqual([
    `ERROR an event is dead-lettered: TypeError: fetch failed ← connect ECONNREFUSED 127.0.0.1:9000 ${place}`,
  ]);
});

test('a cause that the message already contains is not repeated', () => {
  const cause = new SyntaxError('unexpected end');
  const err = thrownIn([], new Error('the payload is not JSON: unexpected end', { cause: thrownIn([], cause) }));
  expect(shown((log) => log.warn({ err }, 'refused'))).toEqual([
    'WARN  refused: the payload is not JSON: unexpected end',
  ]);
});

test('a cause with several lines is shown by its first line, and an aggregate by each of its errors', () => {
  const cause = new Error('  × one\n   ╭─[x.ts:1:1]\n 1 │ broken {');
  const err = new AggregateError([new Error('first'), new Error('second')], 'nobody answers', { cause });
  const [line, ...more] = shown((log) => log.error({ err }, 'failed'));
  expect(more).toEqual([]);
  expect(line).toContain('nobody answers ← first; second');
  expect(line).not.toContain('╭');
});

test('file, line, code and hint of an error of the catalogue are shown once, the hint last', () => {
  const problem = {
    plugin: 'orders',
    code: 'JP_HANDLER_NO_STREAM',
    error: 'no stream holds orders.x',
    hint: 'Add it.',
  };
  const place = { file: PLUGIN, line: 12 };
  expect(shown((log) => log.error({ ...problem, ...place }, 'a plugin fails'))).toEqual([
    `ERROR orders a plugin fails: no stream holds orders.x at ${join('plugins', 'badge.plugin.ts')}:12 JP_HANDLER_NO_STREAM – Add it.`,
  ]);
});

test.each([
  ['line breaks', 'a\r\n  b', 'a b'],
  ['escape sequences', '\u001b[2Jgone\u0007', '�[2Jgone�'],
  ['a text without an end', 'x'.repeat(5_000), `${'x'.repeat(300)}…`],
])('%s in a message stay on the one line', (_, message, expected) => {
  expect(shown((log) => log.info(message))).toEqual([`INFO  ${expected}`]);
  const [line] = shown((log) => log.error({ err: thrownIn([], new Error(message)) }, 'failed'));
  expect(line).toBe(`ERROR failed: ${expected}`);
});

test.each([
  ['a string', 'no', 'no'],
  ['null', null, ''],
  ['an object', { a: 1 }, '{"a":1}'],
])('a thrown value that is no error, %s, is shown', (_, err, expected) => {
  expect(shown((log) => log.error({ err }, 'failed'))).toEqual([`ERROR failed${expected && `: ${expected}`}`]);
});

test('verbose: every stack stands below its line, whole, and no field is cut', () => {
  const cause = thrownIn([join(ROOT, 'host/nats/pull.ts')], new Error('inner'));
  const err = thrownIn([PLUGIN], new Error('outer', { cause }));
  const lines = shown((log) => log.error({ err, text: 'y'.repeat(200) }, 'failed'), { verbose: true });
  expect(lines[0]).toContain(`text=${'y'.repeat(200)}`);
  expect(lines.slice(1)).toEqual([
    '    Error: outer',
    `    at award (${PLUGIN}:3:1)`,
    '    Error: inner',
    `    at award (${join(ROOT, 'host/nats/pull.ts')}:3:1)`,
  ]);
});

test('colours are used if they are asked for', () => {
  expect(shown((log) => log.error('failed'), { colours: true })[0]).toContain('\u001b[31mERROR\u001b[39m');
});
