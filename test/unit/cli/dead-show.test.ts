import { show } from '../../../host/cli/dead-show';
import type { StoredLetter } from '../../../host/broker/stored-letter';
import { LetterServer } from '../../support/letter-server';
import { Printed } from '../../support/printed';
import { FAILED_AT, storedLetter } from '../../support/stored-letter';

let server: LetterServer;
let connects: number;
jest.mock('../../../host/cli/dead-letters', () => ({
  withLetters: (_flags: object, work: (services: unknown) => unknown) => {
    connects++;
    return work(server.services);
  },
}));

let printed: Printed;
beforeEach(() => {
  connects = 0;
  server = new LetterServer([]);
  printed = new Printed();
});
afterEach(() => jest.restoreAllMocks());

async function shown(letter: StoredLetter): Promise<string[]> {
  server.letters = [letter];
  await show(String(letter.id), {});
  return printed.lines;
}
async function shownAsJson(letter: StoredLetter): Promise<Record<string, unknown>> {
  server.letters = [letter];
  await show(String(letter.id), { json: true });
  return printed.json();
}

test('a letter that is not there is an error with the way to those that are', async () => {
  const hint = expect.stringContaining('npx jetplug dead list') as string;
  await expect(show('7', {})).rejects.toMatchObject({
    code: 'JP_NOT_FOUND',
    message: 'there is no dead letter 7',
    hint,
  });
});

test.each(['0', '-1', '1.5', 'badge', ''])('the id %j is refused before the server is reached', async (id) => {
  await expect(show(id, {})).rejects.toMatchObject({ code: 'JP_USAGE' });
  expect(connects).toBe(0);
});

test('a letter is shown with its facts, its error with the stack, and its payload with the numbers as sent', async () => {
  const error = Object.assign(new Error('broken: é'), { stack: 'Error: broken: é\n    at award (a.ts:3)' });
  const lines = await shown(storedLetter({ error, payload: '{"n":12345678901234567890,"m":1.0}' }));
  const facts = lines.slice(0, lines.indexOf(''));
  expect(facts.map((line) => line.split(/ {2,}/)).filter(([name]) => name !== 'fingerprint')).toEqual([
    ['id', '12'],
    ['plugin', 'badge'],
    ['handler', 'award'],
    ['reason', 'attempts-exhausted'],
    ['attempts', '3'],
    ['subject', 'video.watch_started'],
    ['stream', 'EVENTS'],
    ['sequence', '7'],
    ['time', FAILED_AT.toISOString()],
  ]);
  expect(lines.slice(facts.length + 1)).toEqual([
    'broken: é',
    'Error: broken: é',
    '    at award (a.ts:3)',
    '',
    'payload (34 bytes)',
    '{',
    '  "n": 12345678901234567890,',
    '  "m": 1.0',
    '}',
  ]);
});

test('a payload that is no text is shown in base64', async () => {
  const letter = storedLetter({ payload: Buffer.from([0xff, 0, 0x1b, 0xfe]) });
  expect((await shown(letter)).slice(-2)).toEqual(['payload (4 bytes, base64)', '/wAb/g==']);
});

test('a payload that is no text is base64 in JSON, under a name of its own', async () => {
  const json = await shownAsJson(storedLetter({ payload: Buffer.from([0xff, 0, 0x1b, 0xfe]) }));
  expect(json).toMatchObject({ id: 12, payloadBase64: '/wAb/g==' });
  expect(json).not.toHaveProperty('payload');
});

test.each([
  ['{"n":1', '{"n":1'],
  ['', ''],
  ['plain\r\ntext', 'plain\ntext'],
])('a payload that is no JSON is shown as it is: %j', async (payload, text) => {
  const lines = await shown(storedLetter({ payload: Buffer.from(payload) }));
  expect(`${lines.join('\n')}\n`).toContain(`\npayload (${payload.length} bytes)\n${text}`);
});

test('control characters of an event move no cursor, and are exact in JSON', async () => {
  const hostile = 'a\x1b[2Jb\x9bc\rd';
  const error = Object.assign(new Error(hostile), { stack: `Error: ${hostile}\n    at \x1b]0;x\x07` });
  const letter = storedLetter({ error, payload: Buffer.from(hostile) });
  const lines = await shown({ ...letter, headers: { ...letter.headers, 'x-original-subject': hostile } });
  // eslint-disable-next-line no-control-regex -- they must not be there
  expect(lines.join('\n')).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
  expect(lines.at(-1)).toBe('a\ufffd[2Jb\ufffdc\ufffdd');
  jest.restoreAllMocks();
  printed = new Printed();
  expect(await shownAsJson(letter)).toMatchObject({ error: hostile, payload: hostile, stack: error.stack });
});

test('a long stack is shown line by line up to the place where the letter cuts it', async () => {
  const frames = Array.from({ length: 2_000 }, (_, i) => `    at frame${i} (/plugins/é/badge.plugin.ts:${i}:7)`);
  const error = Object.assign(new Error('deep'), { stack: ['Error: deep', ...frames].join('\n') });
  const lines = await shown(storedLetter({ error }));
  const from = lines.indexOf('Error: deep');
  const stack = lines.slice(from, lines.indexOf('', from));
  expect(stack.slice(0, 3)).toEqual(['Error: deep', frames[0], frames[1]]);
  expect(stack.length).toBeGreaterThan(50);
  expect(stack.at(-1)).toMatch(/\.\.\.$/);
  expect(stack.join('\n')).not.toContain('\ufffd');
});

test('a letter of an error without a stack is shown', async () => {
  const { headers, ...letter } = storedLetter();
  const { 'x-error-stack': _, ...without } = headers;
  expect(await shownAsJson({ ...letter, headers: without })).toMatchObject({ stack: '', payload: '{\n  "n": 1\n}' });
});

test('a payload that was left in its stream is not shown, but the place where it is', async () => {
  const { headers, ...letter } = storedLetter({ payload: '' });
  const left = { ...letter, headers: { ...headers, 'x-payload-left-in-stream': '2000000' } };
  expect((await shown(left)).at(-1)).toBe('payload (2000000 bytes) left in its stream: nats stream get EVENTS 7');
});

test('headers with several values are lists in JSON', async () => {
  const given = { headers: { 'x-tag': 'b', traceparent: 't1' }, repeated: { 'x-tag': ['a', 'b'] } };
  expect(await shownAsJson(storedLetter({ given }))).toMatchObject({
    headers: { 'x-tag': ['a', 'b'], traceparent: 't1', 'x-plugin': 'badge' },
  });
});
