import { headers, type NatsConnection, type StoredMsg } from 'nats';
import { jetplug } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin } from '../support/plugin-source';
import { publishRaw } from '../support/raw-nats';
import { Scene } from '../support/scene';
import { deadLettered, handled, WATCH_HANDLERS } from '../support/story';

const scene = new Scene();
const SUBJECT = 'video.watch_started';
const HANDLERS = [...WATCH_HANDLERS, 'witness.handle'];
const GOOD = { user_id: 'good', video_id: 'good' };

interface Malformed {
  readonly payload: string | Buffer;
  readonly reason: string;
  readonly error: RegExp;
  readonly headers?: Readonly<Record<string, string>>;
  /** The header block as sent over the wire, for headers that no client would send. */
  readonly block?: string;
}

const good = JSON.stringify(GOOD);
const MALFORMED: Record<string, Malformed> = {
  'not json': { payload: 'not json', reason: 'invalid-json', error: /not JSON/ },
  nothing: { payload: '', reason: 'invalid-json', error: /empty/ },
  bytes: { payload: Buffer.from([0, 1, 2, 0xff, 0xfe, 0, 0x7b]), reason: 'invalid-json', error: /not UTF-8/ },
  'invalid UTF-8 within JSON': {
    payload: Buffer.from('{"user_id":"\xff","video_id":"v"}', 'latin1'),
    reason: 'invalid-json',
    error: /not UTF-8/,
  },
  'half of an object': { payload: good.slice(0, -1), reason: 'invalid-json', error: /not JSON/ },
  'wrong types': { payload: '{"user_id":1,"video_id":{}}', reason: 'schema', error: /user_id: .*; video_id: / },
  'a missing field': { payload: '{"user_id":"u1"}', reason: 'schema', error: /video_id: / },
  'half a surrogate pair': { payload: '{"user_id":"\\ud800","video_id":"v"}', reason: 'schema', error: /user_id: / },
  'an id beyond 2^53': {
    payload: '{"user_id":"u1","video_id":"v1","id":1497549923779084388,"e":1.0}',
    reason: 'inexact-number',
    error: /^id: 1497549923779084388 would be rounded to/,
  },
  'a list': { payload: `[${good}]`, reason: 'invalid-envelope', error: /an array, not an object/ },
  null: { payload: 'null', reason: 'invalid-envelope', error: /null, not an object/ },
  'the key __proto__': {
    payload: '{"user_id":"u1","video_id":"v1","__proto__":{"admin":true}}',
    reason: 'invalid-envelope',
    error: /__proto__/,
  },
  'the key __proto__ deep inside': {
    payload: '{"user_id":"u1","video_id":"v1","a":[{"__proto__":{"b":1}}]}',
    reason: 'invalid-envelope',
    error: /__proto__/,
  },
  'constructor.prototype': {
    payload: '{"user_id":"u1","video_id":"v1","constructor":{"prototype":{}}}',
    reason: 'invalid-envelope',
    error: /constructor/,
  },
  'depth 10,000': {
    payload: `{"user_id":"u1","video_id":"v1","deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
    reason: 'too-deep',
    error: /64 levels/,
  },
  'another event’s type': {
    payload: '{"event_type":"user.friend_added","user_id":"u1","video_id":"v1"}',
    reason: 'invalid-envelope',
    error: /event_type is "user\.friend_added"/,
  },
  'a number as its id': {
    payload: '{"event_id":7,"user_id":"u1","video_id":"v1"}',
    reason: 'invalid-envelope',
    error: /event_id/,
  },
  'a time that is none': {
    payload: '{"timestamp":"yesterday","user_id":"u1","video_id":"v1"}',
    reason: 'invalid-envelope',
    error: /timestamp/,
  },
  'a string of 900 kB': {
    payload: `{"user_id":"u1","video_id":"${'v'.repeat(900_000)}"}`,
    reason: 'too-large',
    error: /9000\d\d bytes; the limit is 524288/,
  },
  'a CloudEvent without a type': {
    payload: '{"specversion":"1.0","id":"1","data":{}}',
    headers: { 'content-type': 'application/cloudevents+json' },
    reason: 'invalid-envelope',
    error: /no type/,
  },
  'a header block without its version': {
    payload: good,
    block: 'garbage\r\n\r\n',
    reason: 'invalid-envelope',
    error: /header block/,
  },
  'a header line without a colon': {
    payload: good,
    block: 'NATS/1.0\r\nno colon\r\n\r\n',
    reason: 'invalid-envelope',
    error: /header block/,
  },
  'a header without a name': {
    payload: good,
    block: 'NATS/1.0\r\n: value\r\n\r\n',
    reason: 'invalid-envelope',
    error: /header block/,
  },
  'a space and a NUL in a header’s name': {
    payload: good,
    block: 'NATS/1.0\r\nA \0B: value\r\n\r\n',
    reason: 'invalid-envelope',
    error: /header block/,
  },
  'a header block that does not end': {
    payload: good,
    block: 'NATS/1.0\r\nA: b',
    reason: 'invalid-envelope',
    error: /header block/,
  },
  'header lines without carriage returns': {
    payload: good,
    block: 'NATS/1.0\nA: b\n\n',
    reason: 'invalid-envelope',
    error: /header block/,
  },
};

let server: TestServer;
let host: TestHost;
let nats: NatsConnection;
/** The sequence of each malformed event, by its name. */
const sequences = new Map<string, number>();
let letters: StoredMsg[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  const own = scene.folder({ 'witness.plugin.ts': loggingPlugin('WitnessPlugin', 'seen') });
  host = await scene.host({ server, plugins: [STORY_PLUGINS, own] });
  for (const [name, event] of Object.entries(MALFORMED)) await publish(name, event);
  const expected = Object.fromEntries(HANDLERS.map((handler) => [handler, sequences.size]));
  await eventually(async () => expect(await deadLettered(host)).toMatchObject(expected) === undefined, 30_000);
  letters = await storedLetters(nats);
}, 60_000);
afterAll(() => scene.end());

test.each(Object.entries(MALFORMED))(
  '%s: a dead letter for each handler, with its reason, headers and bytes',
  (name, { payload, reason, error, headers = {} }) => {
    const sequence = sequences.get(name)!;
    const own = letters.filter(({ header }) => Number(header.get('x-original-sequence')) === sequence);

    expect(own.map(({ header }) => `${header.get('x-plugin')}.${header.get('x-handler')}`).sort()).toEqual(HANDLERS);
    for (const letter of own) {
      const header = Object.fromEntries(letter.header.keys().map((key) => [key, letter.header.get(key)]));
      expect(letter.subject).toBe(`dead.${header['x-plugin']}.${header['x-handler']}.EVENTS.${sequence}`);
      expect(header).toMatchObject({
        ...headers,
        'x-dead-letter-reason': reason,
        'x-original-subject': SUBJECT,
        'x-original-stream': 'EVENTS',
        'x-original-time': expect.stringMatching(/^\d{4}-.*Z$/),
        'x-failed-at': expect.stringMatching(/^\d{4}-.*Z$/),
        'x-delivery-count': '1',
        'x-attempts': '0',
        'x-plugin-version': expect.stringMatching(/^[0-9a-f]{12}$/),
        'x-error-name': 'InvalidEvent',
        'x-error-stack': expect.stringContaining('InvalidEvent'),
        'x-fingerprint': expect.stringMatching(/^[0-9a-f]{12}$/),
      });
      expect(decodeURIComponent(header['x-error-message']!)).toMatch(error);
      expect(Buffer.from(letter.data).equals(Buffer.from(payload))).toBe(true);
    }
  },
);

test('each fault has one fingerprint, for any event', () => {
  const prints = letters.map(({ header }) => [header.get('x-dead-letter-reason'), header.get('x-fingerprint')].join());
  expect(new Set(prints).size).toBeLessThanOrEqual(Object.keys(MALFORMED).length);
});

test('the next valid event is handled, and no handler has seen another one', async () => {
  nats.publish(SUBJECT, good);
  const once = Object.fromEntries(HANDLERS.map((handler) => [handler, 1]));
  await eventually(async () => expect(await handled(host)).toMatchObject(once) === undefined);
  expect(host.logged('seen')).toEqual([expect.objectContaining({ plugin: 'witness', video: GOOD.video_id })]);
});

test('dead list names each letter; filters leave out the others', async () => {
  const all = (await dead('list')).json<Record<string, unknown>[]>();
  expect(all).toHaveLength(letters.length);
  expect(all[0]).toEqual({
    id: 1,
    plugin: expect.any(String),
    handler: expect.any(String),
    reason: 'invalid-json',
    error: 'the payload is not JSON: Unexpected token \'o\', "not json" is not valid JSON',
    attempts: 0,
    subject: SUBJECT,
    stream: 'EVENTS',
    sequence: sequences.get('not json'),
    time: expect.stringMatching(/Z$/),
    fingerprint: expect.any(String),
  });
  const some = (await dead('list', '--plugin', 'badge', '--reason', 'too-deep')).json<object[]>();
  expect(some).toEqual([
    expect.objectContaining({ plugin: 'badge', handler: 'award', sequence: sequences.get('depth 10,000') }),
  ]);
});

test('dead show prints payload, stack and headers, and a payload that is not text in base64', async () => {
  const id = (name: string): string =>
    String(letters.find(({ header }) => Number(header.get('x-original-sequence')) === sequences.get(name))!.seq);
  const text = (await dead('show', id('not json'))).json();
  expect(text).toMatchObject({
    reason: 'invalid-json',
    payload: 'not json',
    stack: expect.stringContaining('SyntaxError'),
    headers: { 'x-original-stream': 'EVENTS' },
  });
  const bytes = (await dead('show', id('bytes'))).json<{ payloadBase64: string }>();
  expect(Buffer.from(bytes.payloadBase64, 'base64')).toEqual(MALFORMED['bytes']!.payload);
  const inexact = (await dead('show', id('an id beyond 2^53'))).json<{ payload: string }>();
  expect(inexact.payload).toContain('"id": 1497549923779084388,\n  "e": 1.0\n');
  const none = await dead('show', '99999');
  expect(none).toMatchObject({ code: 1, stdout: '' });
  expect(none.errors()).toEqual([expect.objectContaining({ code: 'JP_NOT_FOUND' })]);
});

test('a letter too large for its stream refers to the event instead, and one with large headers leaves them out', async () => {
  const before = letters.length;
  const limit = nats.info!.max_payload;
  nats.publish(SUBJECT, Buffer.alloc(limit, 'x'));
  nats.publish(SUBJECT, 'not json', { headers: headersOf({ 'x-large': 'y'.repeat(65_000) }) });
  const later = await eventually(async () => {
    const all = await storedLetters(nats);
    return all.length === before + 2 * HANDLERS.length && all.slice(before);
  });
  const large = later.filter(({ header }) => header.get('x-dead-letter-reason') === 'too-large');
  expect(large).toHaveLength(HANDLERS.length);
  for (const letter of large) {
    expect(letter.header.get('x-payload-left-in-stream')).toBe(String(limit));
    expect(letter.data).toHaveLength(0);
  }
  const headed = later.filter((letter) => !large.includes(letter));
  for (const letter of headed) {
    expect(letter.header.get('x-headers-left-in-stream')).toMatch(/^\d+$/);
    expect(letter.string()).toBe('not json');
  }
});

test('when the last letter has been removed the list still ends', async () => {
  const jsm = await nats.jetstreamManager();
  const { state } = await jsm.streams.info('DEAD');
  await jsm.streams.deleteMessage('DEAD', state.last_seq);
  expect((await dead('list')).json()).toHaveLength(state.messages - 1);
});

async function publish(name: string, { payload, block, headers }: Malformed): Promise<void> {
  if (block !== undefined) await publishRaw(server.port, SUBJECT, Buffer.from(block), Buffer.from(payload));
  else nats.publish(SUBJECT, payload, { headers: headersOf(headers ?? {}) });
  await nats.flush();
  const jsm = await nats.jetstreamManager();
  const last = await eventually(async () => {
    const message = await jsm.streams.getMessage('EVENTS', { last_by_subj: SUBJECT });
    return ![...sequences.values()].includes(message.seq) && message.seq;
  });
  sequences.set(name, last);
}

function headersOf(values: Readonly<Record<string, string>>): ReturnType<typeof headers> {
  const made = headers();
  for (const [name, value] of Object.entries(values)) made.set(name, value);
  return made;
}

function dead(...args: string[]): ReturnType<typeof jetplug> {
  return jetplug(['dead', ...args, '--json', '--servers', server.url]);
}
