import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { jetplug, type CliResult } from '../support/cli';
import { STORY_PLUGINS } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const SUBJECT = 'video.watch_started';
const GOOD = '{"user_id":"u1","video_id":"v1"}';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  const jsm = await nats.jetstreamManager();
  await jsm.streams.add({ name: 'EVENTS', subjects: ['video.>'] });
});
beforeEach(async () => {
  await (await nats.jetstreamManager()).streams.purge('EVENTS');
});
afterAll(() => scene.end());

const publish = (args: readonly string[], input?: string): Promise<CliResult> =>
  jetplug(
    ['publish', ...args, '--json', '--servers', server.url, '--plugins', STORY_PLUGINS],
    input === undefined ? {} : { input },
  );

async function stored(): Promise<Record<string, unknown>[]> {
  const jsm = await nats.jetstreamManager();
  const { state } = await jsm.streams.info('EVENTS');
  const events: Record<string, unknown>[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++)
    events.push((await jsm.streams.getMessage('EVENTS', { seq })).json());
  return events;
}

const fileOf = (lines: string): string => join(scene.folder({ 'events.ndjson': lines }), 'events.ndjson');

/** The stored messages, with the ids by which the stream drops repeats. */
async function texts(): Promise<{ text: string; id: string | undefined }[]> {
  const jsm = await nats.jetstreamManager();
  const { state } = await jsm.streams.info('EVENTS');
  const found = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage('EVENTS', { seq });
    found.push({ text: message.string(), id: message.header.get('Nats-Msg-Id') });
  }
  return found;
}

test('an event is stored as its author wrote it, and its id is printed', async () => {
  const text = ' {"video_id": "v1","user_id":"u\\u0031" , "ratio":1.50,"n":1e2}';
  const result = await publish([SUBJECT, text]);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const { event_id } = result.json<{ event_id: string }>();
  expect(event_id).toMatch(/^[\da-f-]{36}$/);
  expect(await texts()).toEqual([{ text, id: event_id }]);
});

test('an event in a file, and a CloudEvent, are stored as they are written', async () => {
  const cloudEvent = `{"specversion":"1.0","type":"${SUBJECT}","id":"c1","source":"/tv","data":${GOOD}}`;
  const lines = ['{"user_id":"u1","video_id":"v1","event_id":"own-1", "price":0.10}', cloudEvent];
  const result = await publish([SUBJECT, '--file', fileOf(lines.join('\r\n'))]);
  expect(result.json()).toMatchObject({ published: 2 });
  const sent = (await texts()).sort((a, b) => (a.id! < b.id! ? 1 : -1));
  expect(sent).toEqual([
    { text: lines[0], id: 'own-1' },
    { text: lines[1], id: 'c1' },
  ]);
});

test('a number that JavaScript cannot hold exactly is refused before anything is sent', async () => {
  const one = await publish([SUBJECT, '{"user_id":"u1","video_id":"v1","id":1497549923779084389}']);
  expect(one.code).toBe(1);
  expect(one.errors()).toEqual([
    {
      code: 'JP_NUMBER_INEXACT',
      message: 'id: 1497549923779084389 would be rounded to 1497549923779084300; write it as a string, in quotes',
      hint: 'Write it as a string, in quotes.',
    },
  ]);
  const file = fileOf(`${GOOD}\n{"user_id":"u1","video_id":"v1","a":[1,1e400]}\n`);
  const many = await publish([SUBJECT, '--file', file]);
  expect(many.errors()).toMatchObject([
    { code: 'JP_NUMBER_INEXACT', file, line: 2 },
    { code: 'JP_EVENT_INVALID', file },
  ]);
  expect(await stored()).toEqual([]);
});

test('text that is not UTF-8 is refused at its line, not replaced', async () => {
  const file = fileOf(`${GOOD}\n${GOOD}\n`);
  writeFileSync(file, Buffer.from('{"user_id":"u1","video_id":"v\xff"}\n', 'latin1'), { flag: 'a' });
  const result = await publish([SUBJECT, '--file', file]);
  expect(result.errors()[0]).toMatchObject({
    code: 'JP_EVENT_INVALID',
    line: 3,
    message: expect.stringContaining('not UTF-8') as string,
  });
  expect(await stored()).toEqual([]);
});

test('- reads the event from standard input; its own id and time stay', async () => {
  const event = { event_id: 'mine', timestamp: '2026-05-12T19:03:11.000Z', user_id: 'Ünï', video_id: 'v1' };
  const result = await publish([SUBJECT, '-'], JSON.stringify(event));
  expect(result.json()).toMatchObject({ subject: SUBJECT, event_id: 'mine' });
  expect(await stored()).toEqual([event]);
});

test('an event that is invalid by its contract is refused, and nothing is published', async () => {
  const result = await publish([SUBJECT, '{"user_id":"u1"}']);
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.errors()).toEqual([
    expect.objectContaining({
      code: 'JP_EVENT_INVALID',
      message: expect.stringContaining('video_id'),
      hint: expect.any(String),
    }),
  ]);
  expect(await stored()).toEqual([]);
});

test('each line of a file that no host would accept is named by its number, and nothing is published', async () => {
  const invalid = [
    ['not json', 'not JSON'],
    [`[${GOOD}]`, 'an array'],
    ['{"user_id":1,"video_id":"v1"}', 'user_id'],
    ['{"event_type":"user.friend_added","user_id":"u1","video_id":"v1"}', 'event_type'],
    ['{"timestamp":"soon","user_id":"u1","video_id":"v1"}', 'timestamp'],
    ['{"event_id":{},"user_id":"u1","video_id":"v1"}', 'event_id'],
    ['{"__proto__":{},"user_id":"u1","video_id":"v1"}', '__proto__'],
    [`{"user_id":"u1","video_id":"v1","deep":${'['.repeat(99)}${']'.repeat(99)}}`, 'levels deep'],
    [`{"user_id":"u1","video_id":"v1","large":"${'x'.repeat(600_000)}"}`, 'bytes'],
  ];
  // Valid events and empty lines between them, and both kinds of line breaks.
  const file = fileOf(invalid.map(([line]) => `${GOOD}\r\n\n${line}\n`).join(''));
  const result = await publish([SUBJECT, '--file', file]);
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.errors()).toEqual([
    ...invalid.map(([, why], i): unknown =>
      expect.objectContaining({
        code: 'JP_EVENT_INVALID',
        file,
        line: 3 * (i + 1),
        message: expect.stringContaining(why!),
      }),
    ),
    expect.objectContaining({ file, message: '9 of 18 lines are invalid; nothing was published' }),
  ]);
  expect(await stored()).toEqual([]);
});

test('events of a file with equal ids are stored once', async () => {
  const file = fileOf([1, 2, 1, 2].map((id) => `{"event_id":"e${id}","user_id":"u1","video_id":"v1"}\n`).join(''));
  const result = await publish([SUBJECT, '--file', file]);
  expect(result.json()).toMatchObject({ published: 4 });
  expect((await stored()).map(({ event_id }) => event_id).sort()).toEqual(['e1', 'e2']);
});

test('with no host running, the handlers in the plugins’ files that will receive the event are counted', async () => {
  const folder = scene.folder({
    'new.plugin.ts': pluginSource('NewPlugin', `  @Subscribe() handle(_: VideoWatchStarted) {}`),
    'all.plugin.ts': pluginSource('AllPlugin', `  @Subscribe({ from: 'beginning' }) handle(_: VideoWatchStarted) {}`),
  });
  const args = ['publish', SUBJECT, GOOD, '--servers', server.url, '--plugins', folder];
  const { stdout, code } = await jetplug(args);
  expect(code).toBe(0);
  expect(stdout).toContain(
    'no host runs (start one with npx jetplug start); 1 handler takes it as soon as one runs: all.handle',
  );
  expect(stdout).toContain('new.handle does not get it: it has no durable on the server yet');
  const [wrong] = (await publish(['video.watchStarted', GOOD])).errors().slice(-1);
  expect(wrong).toMatchObject({ code: 'JP_PUBLISH_NO_HANDLER', message: expect.stringContaining(`mean ${SUBJECT}?`) });
});

test.each([
  ['a file that is not there', [SUBJECT, '--file', '/nowhere/events.ndjson'], 'JP_USAGE'],
  ['neither JSON nor a file', [SUBJECT], 'JP_USAGE'],
  ['both', [SUBJECT, GOOD, '--file', 'x'], 'JP_USAGE'],
  ['a subject with a wildcard', ['video.*', GOOD], 'JP_SUBJECT_INVALID'],
  ['JSON that the shell took apart', [SUBJECT, '{video_id:v1,', 'title:t}'], 'JP_USAGE'],
  ['a request to the JetStream API', ['$JS.API.STREAM.PURGE.EVENTS', GOOD, '--force'], 'JP_SUBJECT_INVALID'],
  ['a subject of the dead letters', ['dead.x', GOOD, '--force'], 'JP_SUBJECT_INVALID'],
  ['a subject with a line break', ['video.x\r\nPUB y 0', GOOD], 'JP_SUBJECT_INVALID'],
  ['a subject that no stream holds', ['payments.made', '{}'], 'JP_PUBLISH_NO_STREAM'],
])('%s is an error with its code', async (_, args, code) => {
  const result = await publish(args);
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.errors()).toEqual([expect.objectContaining({ code })]);
});

test('a missing server is an error at once', async () => {
  const result = await jetplug([
    'publish',
    SUBJECT,
    GOOD,
    '--json',
    '--servers',
    'nats://127.0.0.1:1',
    '--plugins',
    STORY_PLUGINS,
  ]);
  expect(result.code).toBe(1);
  expect(result.errors()).toEqual([expect.objectContaining({ code: 'JP_BROKER_UNREACHABLE' })]);
});

test('a list flag takes one value, several with commas, or is repeated; the arguments after it stay arguments', async () => {
  for (const servers of [
    ['--servers', server.url],
    ['--servers', `nats://127.0.0.1:1,${server.url}`],
    ['--servers', 'nats://127.0.0.1:1', '--servers', server.url],
  ]) {
    const result = await jetplug(['publish', '--json', '--plugins', STORY_PLUGINS, ...servers, SUBJECT, GOOD]);
    expect([result.stderr, result.code]).toEqual(['', 0]);
  }
  expect(await stored()).toHaveLength(3);
  const args = ['publish', '--json', SUBJECT, GOOD, '--servers', server.url, '--plugins', 'one', 'two'];
  expect((await jetplug(args)).errors()).toEqual([
    expect.objectContaining({ code: 'JP_USAGE', hint: expect.stringContaining('A flag takes one value') }),
  ]);
});

test('`check`, which has no arguments, takes the words after a list flag too', async () => {
  const folders = [scene.folder({ 'a.plugin.ts': 'class {' }), scene.folder({ 'b.plugin.ts': 'class {' })];
  for (const plugins of [
    ['--plugins', ...folders],
    ['--plugins', folders.join(',')],
    ['--plugins', folders[0]!, '--plugins', folders[1]!],
  ]) {
    expect((await jetplug(['check', '--json', ...plugins])).json()).toHaveLength(2);
  }
});

test('plugins that are broken, or keep a process alive, do not disturb the command', async () => {
  const folder = scene.folder({
    'broken.plugin.ts': 'class {',
    'busy.plugin.ts': pluginSource('BusyPlugin', `  @Subscribe() handle(_: VideoPublished) {}`, {
      before: 'setInterval(() => {}, 1_000);',
    }),
  });
  const plugins = ['--plugins', folder, '--plugins', STORY_PLUGINS];
  const published = await jetplug(['publish', SUBJECT, GOOD, '--json', '--servers', server.url, ...plugins]);
  expect(published.code).toBe(0);
  for (const error of published.errors())
    expect(error).toMatchObject({ code: 'JP_PLUGIN_SYNTAX', file: join(folder, 'broken.plugin.ts') });
  expect(await stored()).toHaveLength(1);
  const checked = await jetplug(['check', '--json', ...plugins]);
  expect(checked.code).toBe(1);
  expect(checked.json()).toEqual([expect.objectContaining({ code: 'JP_PLUGIN_SYNTAX', line: 1 })]);
});
