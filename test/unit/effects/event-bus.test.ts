import { defineEvent, type Clock } from 'jetplug/sdk';
import { z } from 'zod';
import { JetStreamEventBus } from '../../../host/effects/event-bus';
import type { Outgoing, OutgoingEvent } from '../../../host/broker/ports';

const NOW = '2026-05-12T12:00:00.000Z';
const clock: Clock = { now: () => new Date(NOW) };
const BadgeAwarded = defineEvent(
  'badge.awarded',
  z.object({
    user_id: z.string().min(1),
    level: z
      .string()
      .default('bronze')
      .transform((level) => level.length),
  }),
);

/** A bus outside a handler run, which does not search for events that were published earlier. */
function busThat(send: Outgoing['send']): JetStreamEventBus {
  const idsSince = () => Promise.reject(new Error('nobody is to ask'));
  return new JetStreamEventBus({ check: () => undefined, send, dropsRepeatsMs: 120_000, idsSince }, clock);
}

/** It sends at once. */
function setUp() {
  const sent: OutgoingEvent[] = [];
  const bus = busThat(async (event) => {
    sent.push(await Promise.resolve(event));
    return { duplicate: false };
  });
  const last = () => JSON.parse(sent.at(-1)!.payload) as Record<string, unknown>;
  return { bus, sent, last };
}

test('publishes by contract as flat JSON: the envelope, then the fields as they were given', async () => {
  const { bus, sent } = setUp();
  const id = await bus.publish(BadgeAwarded, { user_id: 'u1' });
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  const payload = JSON.stringify({ event_type: 'badge.awarded', event_id: id, timestamp: NOW, user_id: 'u1' });
  expect(sent).toEqual([{ id, subject: 'badge.awarded', payload, headers: {} }]);
});

test('an event for a plain subject is published with the given fields', async () => {
  const { bus, last } = setUp();
  const id = await bus.publish('a.b', { list: [1] });
  expect(last()).toEqual({ event_type: 'a.b', event_id: id, timestamp: NOW, list: [1] });
});

test('each event has an id of its own', async () => {
  const { bus } = setUp();
  const ids = await Promise.all(Array.from({ length: 50 }, () => bus.publish('a.b', {})));
  expect(new Set(ids).size).toBe(50);
});

test('fields cannot forge the envelope', async () => {
  const { bus, last } = setUp();
  await bus.publish('a.b', { event_type: 'x', event_id: 'x', timestamp: 'x', own: 1 }, { id: 'e1' });
  expect(last()).toEqual({ event_type: 'a.b', event_id: 'e1', timestamp: NOW, own: 1 });
});

test('a field that is called __proto__ is published like any other, and does not become a prototype', async () => {
  const { bus, sent } = setUp();
  await bus.publish('a.b', JSON.parse('{"__proto__":{"own":1}}') as Record<string, unknown>, { id: 'e1' });
  expect(sent[0]!.payload).toBe(`{"event_type":"a.b","event_id":"e1","timestamp":"${NOW}","__proto__":{"own":1}}`);
});

test('takes an id and a time from the publisher', async () => {
  const { bus, sent, last } = setUp();
  expect(await bus.publish('a.b', {}, { id: 'e1', timestamp: '2026-01-01T01:00:00+01:00' })).toBe('e1');
  expect(sent[0]!.id).toBe('e1');
  expect(last()).toMatchObject({ event_id: 'e1', timestamp: '2026-01-01T00:00:00.000Z' });
});

test('an asynchronous schema is awaited', async () => {
  const Checked = defineEvent(
    'a.b',
    z.object({ n: z.number() }).refine(async ({ n }) => Promise.resolve(n > 0), 'not positive'),
  );
  const { bus, sent } = setUp();
  await bus.publish(Checked, { n: 1 });
  await expect(bus.publish(Checked, { n: 0 })).rejects.toMatchObject({
    code: 'JP_EVENT_INVALID',
    message: 'a.b: not positive',
  });
  expect(sent).toHaveLength(1);
});

test('a publish with invalid fields names each of them, and sends nothing', async () => {
  const { bus, sent } = setUp();
  const refused = bus.publish(BadgeAwarded, { user_id: '', level: 1 as unknown as string });
  await expect(refused).rejects.toMatchObject({
    code: 'JP_EVENT_INVALID',
    message: expect.stringMatching(/^badge\.awarded: user_id: .*; level: /),
  });
  expect(sent).toEqual([]);
});

const circular: Record<string, unknown> = {};
circular['self'] = circular;

test.each<[string, unknown]>([
  ['null', null],
  ['text', 'x'],
  ['an array', [1]],
  ['nothing', undefined],
  ['a BigInt within', { n: 1n }],
  ['a circle', circular],
])('refuses %s for fields', async (_what, fields) => {
  const { bus, sent } = setUp();
  await expect(bus.publish('a.b', fields as Record<string, unknown>)).rejects.toMatchObject({
    code: 'JP_EVENT_INVALID',
  });
  expect(sent).toEqual([]);
});

test.each(['', 'a b', 'a.*', 'a.>', '>', '.a', 'a.', 'a..b', 'a\r\nPUB b 0\r\n', 'a\0', 'a\tb', 'x'.repeat(256)])(
  'refuses the subject %j',
  async (subject) => {
    const { bus, sent } = setUp();
    await expect(bus.publish(subject, {})).rejects.toMatchObject({ code: 'JP_SUBJECT_INVALID' });
    expect(sent).toEqual([]);
  },
);

test.each(['', 'x'.repeat(257), 'é'.repeat(129), 'a\r\nX: y', 'a\nb'])('refuses the id %j', async (id) => {
  const { bus } = setUp();
  await expect(bus.publish('a.b', {}, { id })).rejects.toMatchObject({ code: 'JP_EVENT_INVALID' });
});

test.each([
  '',
  'yesterday',
  '1',
  '2026',
  '2026-05-12',
  '2026-05-12 12:00',
  '2026-05-12T12:00:00',
  '2026-02-30T00:00:00Z',
  'May 12, 2026',
])('refuses the timestamp %j, which is no time in ISO 8601 with an offset', async (timestamp) => {
  const { bus } = setUp();
  await expect(bus.publish('a.b', {}, { timestamp })).rejects.toMatchObject({ code: 'JP_EVENT_INVALID' });
});

test('a publish that the stream refuses rejects with the stream’s error', async () => {
  const cause = new Error('no answer');
  const bus = busThat(() => Promise.reject(cause));
  await expect(bus.publish('a.b', {})).rejects.toBe(cause);
});

test.each(['$JS.API.STREAM.PURGE.EVENTS', '$KV.jetplug.x', '_INBOX.a', 'dead.badge.award', 'retry.badge.award'])(
  'a publish on %s is refused, because the subject belongs to the server or the host',
  async (subject) => {
    const { bus, sent } = setUp();
    await expect(bus.publish(subject, {})).rejects.toMatchObject({
      code: 'JP_SUBJECT_INVALID',
      hint: expect.stringContaining('another subject'),
    });
    expect(sent).toEqual([]);
  },
);

test.each(['deadline.met', 'retrying.x', 'a.$b', 'my.dead.x', '_INBOXES.x', 'dead'])(
  'an event may be published on %s',
  async (subject) => {
    const { bus, sent } = setUp();
    await bus.publish(subject, {});
    expect(sent).toMatchObject([{ subject }]);
  },
);
