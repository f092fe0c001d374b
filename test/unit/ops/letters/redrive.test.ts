import { prepareRetries, redriveWave, type RedriveOptions } from '../../../../host/ops/letters/redrive';
import { summarise } from '../../../../host/ops/dead-letter-summary';
import type { StoredLetter } from '../../../../host/broker/stored-letter';
import { apiError, LetterServer } from '../../../support/letter-server';
import { STORED_AT } from '../../../support/message-bench';
import { storedLetter } from '../../../support/stored-letter';

const SUBJECT = `retry.badge.award.EVENTS.7.${Date.parse(STORED_AT)}.letter-12`;

/** Redrives the letter on a server that the test has changed. */
async function redrive(
  letter: StoredLetter,
  change: (server: LetterServer) => unknown = () => undefined,
  options: RedriveOptions = {},
) {
  const server = new LetterServer([letter]);
  await change(server);
  const [of] = await redriveWave(server.services, options)([summarise(letter)]);
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the error that the letter has
  const result = typeof of === 'object' ? Promise.reject(of.error) : Promise.resolve(of);
  result.catch(() => undefined);
  return { server, result };
}
const withHeaders = (letter: StoredLetter, headers: Record<string, string>): StoredLetter => ({
  ...letter,
  headers: { ...letter.headers, ...headers },
});

test('the event of a letter is stored once in the retry queue of its handler', async () => {
  const { server, result } = await redrive(storedLetter({ given: { headers: { traceparent: 't1' } } }));
  await expect(result).resolves.toBe(true);
  const { payload, header, expected } = server.published.get(SUBJECT)!;
  expect([Buffer.from(payload).toString(), header('traceparent'), expected]).toEqual(['{"n":1}', 't1', 0]);
});

test('a letter that is gone is not redriven', async () => {
  const { server, result } = await redrive(storedLetter(), (all) => (all.letters = []));
  await expect(result).resolves.toBe(false);
  expect(server.published.size).toBe(0);
});

test('an event that waits in the retry queue already counts as redriven', async () => {
  const { result } = await redrive(storedLetter(), (server) => (server.refuse = () => apiError(10071)));
  await expect(result).resolves.toBe(true);
});

test.each([
  ['JP_STREAM_FULL', apiError(10077, 'maximum bytes exceeded')],
  ['JP_BROKER_NO_QUORUM', Object.assign(new Error('timeout'), { code: 'TIMEOUT' })],
  ['JP_BROKER_PERMISSION', Object.assign(new Error('no'), { code: 'PERMISSIONS_VIOLATION' })],
])('a publish that the server refuses is an error: %s', async (code, refusal) => {
  const { server, result } = await redrive(storedLetter(), (all) => (all.refuse = () => refusal));
  await expect(result).rejects.toMatchObject({ code, cause: refusal });
  expect(server.published.size).toBe(0);
});

describe('an event with parts that were too large for its letter', () => {
  const noPayload = withHeaders(storedLetter({ payload: '' }), { 'x-payload-left-in-stream': '9' });
  const noHeaders = withHeaders(storedLetter(), { 'x-headers-left-in-stream': '60000' });
  const event = { time: new Date(STORED_AT), data: Buffer.from('{"big":1}'), headers: { 'x-long': 'xxx' } };

  test('gets its payload from its stream', async () => {
    const { server, result } = await redrive(noPayload, ({ events }) => events.set('EVENTS 7', event));
    await expect(result).resolves.toBe(true);
    const { payload, header } = server.published.get(SUBJECT)!;
    expect([Buffer.from(payload).toString(), header('x-long')]).toEqual(['{"big":1}', '']);
  });

  test('gets its headers from its stream', async () => {
    const { server, result } = await redrive(noHeaders, ({ events }) => events.set('EVENTS 7', event));
    await expect(result).resolves.toBe(true);
    const { payload, header } = server.published.get(SUBJECT)!;
    expect([Buffer.from(payload).toString(), header('x-long')]).toEqual(['{"n":1}', 'xxx']);
  });

  test.each<[what: string, found: undefined | Error | typeof event]>([
    ['the event is gone', undefined],
    ['its stream is gone', apiError(10059, 'stream not found')],
    ['another event has its sequence', { ...event, time: new Date('2026-06-01T00:00:00Z') }],
  ])('cannot be redriven when %s', async (_what, found) => {
    const { server, result } = await redrive(noPayload, ({ events }) => found && events.set('EVENTS 7', found));
    await expect(result).rejects.toMatchObject({
      code: 'JP_NOT_FOUND',
      message: 'the event of dead letter 12 is no longer in stream EVENTS',
      hint: expect.stringContaining('dead drop') as string,
    });
    expect(server.published.size).toBe(0);
  });

  test('is not taken for lost when the server does not answer', async () => {
    const silent = Object.assign(new Error('timeout'), { code: 'TIMEOUT' });
    const { result } = await redrive(noPayload, ({ events }) => events.set('EVENTS 7', silent));
    await expect(result).rejects.toMatchObject({ code: 'JP_BROKER_NO_QUORUM', cause: silent });
  });
});

describe('the preparation of a redrive', () => {
  const letters = [1, 2].map((id) => summarise(storedLetter({ id })));
  const other = { ...letters[0]!, handler: 'rank' };

  test('creates the missing stream and one durable for each handler', async () => {
    const server = new LetterServer([]);
    await prepareRetries([...letters, other], server.services);
    expect(server.requests).toEqual([
      'create stream RETRY',
      'create durable badge--award',
      'create durable badge--rank',
    ]);
  });

  test('leaves a stream and durables as they are', async () => {
    const server = new LetterServer([]);
    await prepareRetries(letters, server.services);
    server.requests.length = 0;
    await prepareRetries(letters, server.services);
    expect(server.requests).toEqual([]);
  });

  test('refuses a stream of that name that belongs to somebody else', async () => {
    const server = new LetterServer([]);
    server.streams.set('RETRY', { name: 'RETRY', subjects: ['retry.>'], metadata: {} });
    await expect(prepareRetries(letters, server.services)).rejects.toMatchObject({ code: 'JP_STREAM_FOREIGN' });
    expect(server.requests).toEqual([]);
  });
});
