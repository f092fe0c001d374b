import { NatsError, type Msg, type NatsConnection, type PublishOptions, type SubscriptionOptions } from 'nats';
import { Requests } from '../../../host/nats/requests';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const ACK = '{"stream":"EVENTS","seq":7}';

/** A connection to a server whose answers the test sends. */
class Bench {
  readonly inboxes: string[] = [];
  readonly sent: { subject: string; reply: string; headers: string }[] = [];
  isDraining = false;
  readonly requests: Requests;
  private callback: NonNullable<SubscriptionOptions['callback']> = () => undefined;

  constructor(nats: { domain?: string; apiPrefix?: string; inboxPrefix?: string } = {}) {
    const nc = {
      isDraining: () => this.isDraining,
      subscribe: (inbox: string, { callback }: SubscriptionOptions) => {
        this.inboxes.push(inbox);
        this.callback = callback!;
        return {};
      },
      publish: (subject: string, payload: string, { reply, headers }: PublishOptions) => {
        if (payload === 'large') throw new NatsError('too large', 'MAX_PAYLOAD_EXCEEDED');
        const encoded = (headers as { encode(): Uint8Array } | undefined)?.encode() ?? '';
        this.sent.push({ subject, reply: reply!, headers: encoded.toString() });
      },
    };
    this.requests = new Requests(nc as unknown as NatsConnection, nats);
  }

  /** Answers the publish of that number. */
  answer(n: number, text = ACK, code = 0): void {
    const subject = this.sent[n]!.reply;
    const answer = { subject, data: Buffer.from(text), headers: { code }, json: () => JSON.parse(text) as unknown };
    this.callback(null, answer as unknown as Msg);
  }

  denyInbox(): void {
    this.callback(new NatsError('not permitted', 'PERMISSIONS_VIOLATION'), {} as Msg);
  }
}

test('each publish gets its own answer, in any order of arrival at the inbox', async () => {
  const bench = new Bench();
  const answers = ['a', 'b', 'c'].map((subject) => bench.requests.publish(subject, ''));
  for (const n of [2, 0, 1]) bench.answer(n, `{"stream":"EVENTS","seq":${n}}`);
  expect((await Promise.all(answers)).map(({ seq }) => seq)).toEqual([0, 1, 2]);
  expect(bench.inboxes).toHaveLength(1);
  expect(jest.getTimerCount()).toBe(1);
});

test('headers are sent as the client sends them, and a line break is refused', async () => {
  const bench = new Bench();
  const answer = bench.requests.publish('a', '', { headers: { 'Nats-Msg-Id': ' é1 ', other: 'x' } });
  bench.answer(0);
  expect(await answer).toMatchObject({ seq: 7, duplicate: false });
  expect(bench.sent[0]!.headers).toBe('NATS/1.0\r\nNats-Msg-Id: é1\r\nother: x\r\n\r\n');
  await expect(bench.requests.publish('a', '', { headers: { other: 'x\r\nHMSG' } })).rejects.toMatchObject({
    code: 'BAD_HEADER',
  });
  expect(bench.sent).toHaveLength(1);
});

test.each([
  ['nobody listens', '', 503, { code: '503' }],
  [
    'the stream refuses',
    '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}',
    0,
    {
      code: '400',
      message: 'wrong last sequence: 3',
      api_error: { err_code: 10071 },
    },
  ],
  ['something else answers', 'hello', 0, { name: 'SyntaxError' }],
  ['an answer names no stream', '{"seq":1}', 0, { code: 'JESTREAM_INVALID_ACK' }],
])('%s: the publish fails, and the client reads on', async (_what, text, code, error) => {
  const bench = new Bench();
  const failed = expect(bench.requests.publish('a', '')).rejects.toMatchObject(error);
  bench.answer(0, text, code);
  await failed;
});

test('a publish that the client refuses fails at once, and so does one while the connection drains', async () => {
  const bench = new Bench();
  await expect(bench.requests.publish('a', 'large')).rejects.toMatchObject({ code: 'MAX_PAYLOAD_EXCEEDED' });
  bench.isDraining = true;
  await expect(bench.requests.publish('a', '')).rejects.toMatchObject({ code: 'CONNECTION_DRAINING' });
  expect(jest.getTimerCount()).toBe(0);
});

test('each request waits five seconds from its sending, on one timer', async () => {
  const bench = new Bench();
  const ended: string[] = [];
  const send = (subject: string): void =>
    void bench.requests
      .publish(subject, '')
      .catch((error: unknown) => ended.push(`${subject} ${(error as NatsError).code}`));
  send('a');
  await jest.advanceTimersByTimeAsync(2_000);
  send('b');
  send('answered');
  bench.answer(2);
  await jest.advanceTimersByTimeAsync(2_999);
  expect(ended).toEqual([]);
  await jest.advanceTimersByTimeAsync(2);
  expect(ended).toEqual(['a TIMEOUT']);
  expect(jest.getTimerCount()).toBe(1);
  await jest.advanceTimersByTimeAsync(2_000);
  expect(ended).toEqual(['a TIMEOUT', 'b TIMEOUT']);
  expect(jest.getTimerCount()).toBe(0);
  // The answer arrives too late.
  bench.answer(0);
});

test('a lost connection ends only the requests with that option', async () => {
  const bench = new Bench();
  const ends = expect(bench.requests.publish('a', '', { endsWithConnection: true })).rejects.toMatchObject({
    name: 'AnswerLost',
  });
  const stays = bench.requests.publish('b', '');
  bench.requests.lose();
  await ends;
  bench.answer(1);
  expect(await stays).toMatchObject({ seq: 7 });
});

test('a closed connection ends all requests', async () => {
  const bench = new Bench();
  const ends = expect(bench.requests.publish('a', '')).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  bench.requests.close();
  await ends;
  expect(jest.getTimerCount()).toBe(0);
});

test('a refused publish ends the oldest request on its subject, and no other', async () => {
  const bench = new Bench();
  const other = bench.requests.publish('b', '');
  const first = expect(bench.requests.publish('a', '')).rejects.toMatchObject({ code: 'PERMISSIONS_VIOLATION' });
  const second = bench.requests.publish('a', '');
  bench.requests.refuse({ operation: 'subscription', subject: 'b' });
  bench.requests.refuse('PROTOCOL_ERROR');
  bench.requests.refuse({ operation: 'publish', subject: 'a' });
  await first;
  bench.answer(0);
  bench.answer(2);
  await Promise.all([other, second]);
});

test('an inbox that is not permitted ends all requests, and the next publish uses another one', async () => {
  const bench = new Bench();
  const ends = expect(bench.requests.publish('a', '')).rejects.toMatchObject({ code: 'PERMISSIONS_VIOLATION' });
  bench.denyInbox();
  await ends;
  const next = bench.requests.publish('a', '');
  bench.answer(1);
  expect(await next).toMatchObject({ seq: 7 });
  expect(new Set(bench.inboxes).size).toBe(2);
});

test('a request of the JetStream API resolves with its answer, and rejects with the error in it', async () => {
  const bench = new Bench();
  const found = bench.requests.askApi('CONSUMER.INFO.EVENTS.d');
  const missing = bench.requests.askApi('STREAM.MSG.GET.EVENTS', { seq: 1 });
  expect(bench.sent.map(({ subject }) => subject)).toEqual([
    '$JS.API.CONSUMER.INFO.EVENTS.d',
    '$JS.API.STREAM.MSG.GET.EVENTS',
  ]);
  bench.answer(1, '{"error":{"code":404,"err_code":10037,"description":"no message found"}}');
  bench.answer(0, '{"name":"d"}');
  expect(await found).toEqual({ name: 'd' });
  await expect(missing).rejects.toMatchObject({
    message: 'no message found',
    code: '404',
    api_error: { err_code: 10037 },
  });
});

test('in a domain, the answer of another domain’s stream does not count', async () => {
  const bench = new Bench({ domain: 'hub' });
  let settled = false;
  const answer = bench.requests.publish('a', '').finally(() => (settled = true));
  bench.answer(0, '{"stream":"LOCAL","seq":1,"domain":"leaf"}');
  await Promise.resolve();
  expect(settled).toBe(false);
  bench.answer(0, '{"stream":"EVENTS","seq":7,"domain":"hub"}');
  expect(await answer).toMatchObject({ stream: 'EVENTS', seq: 7 });
  const refused = bench.requests.publish('a', '');
  bench.answer(1, '{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"EVENTS","seq":0}');
  await expect(refused).rejects.toMatchObject({ api_error: { err_code: 10077 } });
});

test('a publish that only another domain has stored times out', async () => {
  const bench = new Bench({ domain: 'hub' });
  const answer = bench.requests.publish('a', '');
  bench.answer(0, '{"stream":"LOCAL","seq":1,"domain":"leaf"}');
  jest.advanceTimersByTime(5_000);
  await expect(answer).rejects.toMatchObject({ code: 'TIMEOUT' });
});

test('requests use the prefix of the domain or of the config, and the configured inbox prefix', () => {
  const inDomain = new Bench({ domain: 'hub', inboxPrefix: '_INBOX_jet' });
  void inDomain.requests.askApi('INFO');
  expect(inDomain.sent[0]).toMatchObject({
    subject: '$JS.hub.API.INFO',
    reply: expect.stringMatching(/^_INBOX_jet\./),
  });
  const imported = new Bench({ apiPrefix: 'JS.ops.API' });
  void imported.requests.askApi('INFO');
  expect(imported.sent[0]).toMatchObject({ subject: 'JS.ops.API.INFO', reply: expect.stringMatching(/^_INBOX\./) });
});

test('a read of the API is sent again until it is answered, for a new leader; a change is sent once', async () => {
  const bench = new Bench();
  const info = bench.requests.askApi('STREAM.INFO.EVENTS');
  const update = bench.requests.askApi('STREAM.UPDATE.EVENTS');
  jest.advanceTimersByTime(3_000);
  expect(bench.sent.map(({ subject }) => subject.slice('$JS.API.'.length))).toEqual([
    'STREAM.INFO.EVENTS',
    'STREAM.UPDATE.EVENTS',
    'STREAM.INFO.EVENTS',
    'STREAM.INFO.EVENTS',
  ]);
  bench.answer(2, '{"state":{}}');
  expect(await info).toEqual({ state: {} });
  jest.advanceTimersByTime(2_000);
  await expect(update).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect([bench.sent.length, jest.getTimerCount()]).toEqual([4, 0]);
});
