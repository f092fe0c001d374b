import fc from 'fast-check';
import { redriven, summarise } from '../../../host/ops/dead-letter-summary';
import { MessageBench, STORED_AT, type Given } from '../../support/message-bench';
import { FAILED_AT, storedLetter } from '../../support/stored-letter';
import { retryMessage, RetryDelivery } from '../../../host/broker/retry-queue';

const bench = new MessageBench();
const stored = (given: Given = {}, payload?: unknown) =>
  storedLetter({ given, ...(payload !== undefined && { payload }) });

test('a summary has the facts of the letter’s headers', () => {
  const { headers } = stored();
  expect(summarise(stored())).toEqual({
    id: 12,
    plugin: 'badge',
    handler: 'award',
    reason: 'attempts-exhausted',
    error: 'broken: é',
    attempts: 3,
    subject: 'video.watch_started',
    stream: 'EVENTS',
    sequence: 7,
    time: FAILED_AT.toISOString(),
    fingerprint: headers['x-fingerprint'],
  });
});

test('a redriven event is the one that failed, due at once, with all its attempts again', () => {
  const headers = { 'Nats-Msg-Id': 'm1', traceparent: 't1', 'x-hops': '3' };
  expect(redriven(stored({ headers }))).toEqual({
    plugin: 'badge',
    handler: 'award',
    origin: { stream: 'EVENTS', sequence: 7, storedAtMs: Date.parse(STORED_AT) },
    subject: 'video.watch_started',
    payload: Buffer.from('{"n":1}'),
    headers,
    dueAtMs: 0,
    past: { failures: 0, letter: 12 },
    pass: 'letter-12',
  });
});

test('an event that failed again after a redrive has the origin of its first delivery', () => {
  const origin = { stream: 'EVENTS', sequence: 3, storedAtMs: Date.parse('2026-05-01T00:00:00.001Z') };
  const past = { failures: 0, letter: 5 };
  const letter = stored({ stream: 'RETRY', sequence: 99, storedAtMs: 1, origin, past });
  expect(redriven(letter)).toMatchObject({ origin, past: { letter: 12 }, pass: 'letter-12' });
});

test('a header of the event itself does not say that its payload was left out', () => {
  const headers = { 'x-payload-left-in-stream': '1' };
  expect(stored({ headers }).headers).not.toHaveProperty('x-payload-left-in-stream');
  expect(redriven(stored({ headers }))).toMatchObject({ headers: {}, past: { failures: 0, letter: 12 } });
});

test('any headers and payload of an event survive letter and redrive', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).filter((text) => !text.startsWith('nats-'));
  fc.assert(
    fc.property(
      fc.dictionary(name, fc.stringMatching(/^[!-~]{0,20}$/)),
      fc.uint8Array(),
      fc.option(fc.stringMatching(/^[!-~]{1,20}$/), { nil: undefined }),
      (own, payload, id) => {
        const headers = { ...own, ...(id === undefined ? {} : { 'Nats-Msg-Id': id }) };
        const event = redriven(stored({ headers }, payload));
        expect({ ...event.headers }).toEqual(headers);
        expect(Buffer.from(event.payload)).toEqual(Buffer.from(payload));
      },
    ),
  );
});

test('headers with several values, and those named like a letter’s own, survive letter and redrive', () => {
  const name = fc.oneof(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/).filter((text) => !text.startsWith('nats-')),
    fc.constantFrom('x-plugin', 'X-Plugin', 'x-original-subject', 'x-original-header-a', 'x-error-stack'),
    fc.constantFrom('x-jetplug-due', 'x-jetplug-header-a', '__proto__'),
  );
  const values = fc.array(fc.stringMatching(/^[!-~]{0,8}$/), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, values)), (entries) => {
      const all = Object.fromEntries(entries);
      const headers = Object.fromEntries(Object.entries(all).map(([key, list]) => [key, list.at(-1)!]));
      const repeated = Object.fromEntries(Object.entries(all).filter(([, list]) => list.length > 1));
      const event = redriven(stored({ headers, repeated }));
      expect(new Map(Object.entries(event.headers))).toEqual(new Map(Object.entries(headers)));
      expect(new Map(Object.entries(event.repeated ?? {}))).toEqual(new Map(Object.entries(repeated)));
      const message = retryMessage(event);
      const back = new RetryDelivery(
        bench.delivery('{}', { headers: message.headers, repeated: message.repeated ?? {} }),
      );
      expect(new Map(Object.entries(back.headers()))).toEqual(new Map(Object.entries(headers)));
      expect(new Map(Object.entries(back.repeatedHeaders() ?? {}))).toEqual(new Map(Object.entries(repeated)));
    }),
  );
});
