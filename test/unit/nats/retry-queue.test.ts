import fc from 'fast-check';
import type { MsgHdrs } from 'nats';
import type { DeferredEvent } from '../../../host/broker/ports';
import type { Connection } from '../../../host/nats/connection';
import { toHeaders } from '../../../host/nats/headers';
import { NatsRetryQueue } from '../../../host/nats/retry-queue';
import { FakeDelivery } from '../../support/message-bench';
import { retryQueueDurable, RetryDelivery } from '../../../host/broker/retry-queue';

interface Stored {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
  readonly expected: number | undefined;
}

/** A connection to a stream that stores messages, or fails. */
function queue(failure?: unknown) {
  const stored: Stored[] = [];
  const publish = (
    subject: string,
    payload: Uint8Array,
    options: { headers: MsgHdrs; expect: { lastSubjectSequence?: number } },
  ): Promise<object> => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the test chooses the client's error
    if (failure !== undefined) return Promise.reject(failure);
    stored.push({ subject, payload, headers: options.headers, expected: options.expect.lastSubjectSequence });
    return Promise.resolve({});
  };
  const request = (
    subject: string,
    payload: Uint8Array,
    { headers: { 'Nats-Expected-Last-Subject-Sequence': expected, ...headers } }: { headers: Record<string, string> },
  ) =>
    publish(subject, payload, { headers: toHeaders({ headers }), expect: { lastSubjectSequence: Number(expected) } });
  const connection = { js: { publish }, requests: { publish: request } };
  return { stored, queue: new NatsRetryQueue(connection as unknown as Connection) };
}

/** The delivery of a stored message. */
function delivered({ payload, subject, headers }: Stored): FakeDelivery {
  const values = Object.fromEntries([...headers.keys()].map((name) => [name, headers.last(name)]));
  // A header of JetStream, which is not the event's.
  values['Nats-Expected-Last-Subject-Sequence'] = '0';
  return new FakeDelivery(payload, { subject, headers: values, stream: 'RETRY', sequence: 99, deliveryCount: 4 });
}

const event: DeferredEvent = {
  plugin: 'badge',
  handler: 'award',
  origin: { stream: 'EVENTS', sequence: 7, storedAtMs: 1_778_587_200_000 },
  subject: 'video.watch_started',
  payload: Buffer.from([0, 255, 13, 10]),
  headers: { 'Nats-Msg-Id': 'm1', traceparent: 't1' },
  dueAtMs: 1_778_587_800_000,
  past: { failures: 2, letter: 12 },
  pass: 'letter-12',
};

test('an event is stored once for each pass, on a subject of the handler’s durable', async () => {
  const { stored, queue: retries } = queue();
  await retries.defer(event);
  expect(stored[0]).toMatchObject({ subject: 'retry.badge.award.EVENTS.7.1778587200000.letter-12', expected: 0 });
  expect(retryQueueDurable('badge', 'award', 15_000, 'jetplug')).toMatchObject({
    stream: 'RETRY',
    durable: 'badge--award',
    subject: 'retry.badge.award.>',
    from: 'beginning',
    ackWaitMs: 15_000,
  });
  // Two events of one id may both wait, so the stream's duplicate check must not see the id.
  expect(stored[0]!.headers.has('Nats-Msg-Id')).toBe(false);
});

test('an event that is stored already is no error; any other failure is thrown', async () => {
  await queue({ api_error: { err_code: 10071 } }).queue.defer(event);
  const failure = new Error('no answer');
  await expect(queue(failure).queue.defer(event)).rejects.toMatchObject({ cause: failure });
});

test('a deferred event comes back unchanged: payload, subject, headers, id, origin, time and past', async () => {
  const text = fc
    .string({ unit: fc.constantFrom('a', 'Z', '0', '9', ' ', '"', '\\', ':', '{', '}', '%', '=', ';', ',') })
    .map((s) => s.trim());
  const name = fc
    .stringMatching(/^[a-z][a-z0-9-]{0,10}$/)
    .filter((s) => !s.startsWith('nats-') && !s.startsWith('x-jetplug-'));
  const any: fc.Arbitrary<DeferredEvent> = fc.record({
    plugin: fc.constant('badge'),
    handler: fc.constant('award'),
    origin: fc.record({
      stream: fc.constantFrom('EVENTS', 'OTHER_2'),
      sequence: fc.integer({ min: 1 }),
      storedAtMs: fc.integer({ min: 0, max: 4e12 }),
    }),
    subject: fc.constantFrom('video.watch_started', 'a', 'x.y.z'),
    payload: fc.uint8Array(),
    headers: fc
      .tuple(fc.dictionary(name, text), fc.option(fc.stringMatching(/^[a-z0-9:-]{1,20}$/), { nil: undefined }))
      .map(([own, id]) => ({ ...own, ...(id === undefined ? {} : { 'Nats-Msg-Id': id }) })),
    dueAtMs: fc.integer({ min: 0, max: 4e12 }),
    past: fc
      .tuple(
        fc.nat(9),
        fc.option(fc.integer({ min: 1 }), { nil: undefined }),
        fc.option(fc.record({ provisional: fc.nat(9), outages: fc.nat() })),
      )
      .map(([failures, letter, more]) => ({
        failures,
        ...more,
        ...(letter === undefined ? {} : { letter }),
      })),
    pass: fc.constantFrom('parked', 'letter-3'),
  });
  await fc.assert(
    fc.asyncProperty(any, async (given) => {
      const { stored, queue: retries } = queue();
      await retries.defer(given);
      for (const key of stored[0]!.headers.keys()) expect(stored[0]!.headers.get(key)).toMatch(/^[\x20-\x7e]*$/);
      const back = new RetryDelivery(delivered(stored[0]!));
      const { origin, subject, dueAtMs, past } = back;
      expect({ origin, subject, dueAtMs, past }).toEqual({
        origin: given.origin,
        subject: given.subject,
        dueAtMs: given.dueAtMs,
        past: given.past,
      });
      expect({ ...back.headers() }).toEqual({ ...given.headers });
      expect(Buffer.from(back.payload)).toEqual(Buffer.from(given.payload));
    }),
  );
});

test('a retry delivery is acknowledged and counted as the message in the retry queue', async () => {
  const { stored, queue: retries } = queue();
  await retries.defer(event);
  const message = delivered(stored[0]!);
  const back = new RetryDelivery(message);
  const { stream, sequence, storedAtMs, deliveryCount, consumerSequence } = back;
  expect({ stream, sequence, storedAtMs, deliveryCount, consumerSequence }).toEqual({
    stream: 'RETRY',
    sequence: 99,
    storedAtMs: message.storedAtMs,
    deliveryCount: 4,
    consumerSequence: message.consumerSequence,
  });
  back.working();
  expect([message.workings, back.settled]).toEqual([1, false]);
  back.nak(5);
  expect([message.answers, back.settled]).toEqual([['nak 5'], true]);
});

test('a foreign message in the retry queue is an error', () => {
  expect(() => new RetryDelivery(new FakeDelivery({}))).toThrow();
});
