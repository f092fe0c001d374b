import type { DeferredEvent } from '../../../host/broker/ports';
import { retryQueueDurable } from '../../../host/broker/retry-queue';
import { configOf } from '../../../host/testing/options';
import { MemoryBroker } from '../../../host/testing/memory-broker';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { DURABLE } from '../../support/durable-spec';

const CONFIG = configOf({});
const STREAM = CONFIG.streams[0]!.name;
const SUBJECT = CONFIG.streams[0]!.subjects[0]!.replace('>', 'placed').replace('*', 'placed');
const START_MS = Date.parse('2026-05-12T12:00:00.000Z');

let time: VirtualTime;
let broker: MemoryBroker;
beforeEach(() => {
  time = new VirtualTime(START_MS);
  broker = new MemoryBroker(CONFIG, time);
});

const SPEC = { ...DURABLE, stream: STREAM, subject: SUBJECT };
const outgoing = (id: string) => ({ id, subject: SUBJECT, payload: '{}', headers: {} });

describe('publishing', () => {
  test('an event goes to the stream that holds its subject, once for each id', async () => {
    expect(await broker.outgoing.send(outgoing('e1'))).toMatchObject({ duplicate: false });
    expect(await broker.outgoing.send(outgoing('e1'))).toMatchObject({ duplicate: true });
    expect(await broker.ensureDurable(SPEC)).toMatchObject({ pending: 1, inFlight: 0 });
  });

  test.each([
    ['no.stream.holds.this', 'JP_PUBLISH_NO_STREAM'],
    ['a subject', 'JP_SUBJECT_INVALID'],
    ['orders.*', 'JP_SUBJECT_INVALID'],
  ])('publishing on %j fails with %s', async (subject, code) => {
    await expect(broker.outgoing.send({ ...outgoing('e1'), subject })).rejects.toMatchObject({ code });
  });

  test('the ids since a time leave out earlier events', async () => {
    await broker.outgoing.send(outgoing('e1'));
    time.step(1_000, false);
    await broker.outgoing.send(outgoing('e2'));
    expect([...(await broker.outgoing.idsSince(SUBJECT, START_MS))]).toEqual(['e1', 'e2']);
    expect([...(await broker.outgoing.idsSince(SUBJECT, START_MS + 1))]).toEqual(['e2']);
  });
});

describe('durables', () => {
  test('a durable that exists keeps its position and takes new settings', async () => {
    await broker.outgoing.send(outgoing('e1'));
    await broker.ensureDurable({ ...SPEC, from: 'new' });
    expect(await broker.ensureDurable(SPEC)).toMatchObject({ pending: 0 });
    expect(await broker.durablePosition(STREAM, SPEC.durable)).toMatchObject({ pending: 0 });
    expect(await broker.durablePosition(STREAM, 'missing')).toBeUndefined();
  });

  test('a pull receives the events, and the broker knows that they are in flight', async () => {
    await broker.outgoing.send(outgoing('e1'));
    await broker.ensureDurable(SPEC);
    const acks: (() => void)[] = [];
    const ignore = (): undefined => undefined;
    const sink = { gone: ignore, returned: ignore, trouble: ignore, refused: ignore, served: ignore };
    const pull = broker.pull(STREAM, SPEC.durable, {
      ...sink,
      capacity: () => 1,
      deliver: (delivery) => acks.push(() => delivery.ack()),
    });
    pull.start();
    await new Promise((resolve) => setImmediate(resolve));
    expect([acks.length, broker.isInFlight]).toEqual([1, true]);
    acks[0]!();
    expect(broker.isInFlight).toBe(false);
  });
});

describe('the retry queue', () => {
  const EVENT: DeferredEvent = {
    plugin: 'shop',
    handler: 'take',
    origin: { stream: STREAM, sequence: 7, storedAtMs: START_MS },
    subject: SUBJECT,
    payload: Buffer.from('{}'),
    headers: {},
    dueAtMs: START_MS + 60_000,
    past: { failures: 1 },
    pass: '1',
  };
  const RETRIES = retryQueueDurable('shop', 'take', 30_000, 'jetplug');

  test('an event is deferred once and notifies its handler only', async () => {
    const notified: string[] = [];
    broker.onDeferred('shop', 'take', () => notified.push('take'));
    broker.onDeferred('shop', 'other', () => notified.push('other'));
    expect(await broker.hasDeferred(RETRIES)).toBe(false);
    await broker.retryQueue.defer(EVENT);
    await broker.retryQueue.defer(EVENT);
    expect(notified).toEqual(['take']);
    expect(await broker.hasDeferred(RETRIES)).toBe(true);
    expect(await broker.ensureDurable(RETRIES)).toMatchObject({ pending: 1 });
  });

  test('a listener that was removed is not called', async () => {
    const listener = jest.fn();
    broker.onDeferred('shop', 'take', listener)();
    await broker.retryQueue.defer(EVENT);
    expect(listener).not.toHaveBeenCalled();
  });
});

describe('dead letters', () => {
  const ORIGIN = { stream: STREAM, sequence: 7, storedAtMs: START_MS };
  const LETTER = {
    ...ORIGIN,
    plugin: 'shop',
    handler: 'take',
    payload: Buffer.from('{}'),
    headers: {
      'x-original-stream': STREAM,
      'x-original-sequence': '7',
      'x-original-time': new Date(START_MS).toISOString(),
    },
  };

  test('a letter is stored once, and a redriven event replaces its letter', async () => {
    await broker.deadLetters.store(LETTER);
    await broker.deadLetters.store(LETTER);
    expect(broker.letters.map(({ id }) => id)).toEqual([1]);
    await broker.deadLetters.store({ ...LETTER, replaces: 1 });
    expect(broker.letters.map(({ id }) => id)).toEqual([2]);
  });

  test('a letter about a letter is not stored', async () => {
    await broker.deadLetters.store({ ...LETTER, stream: CONFIG.deadLetters.stream });
    expect(broker.letters).toEqual([]);
  });

  test('a letter is removed for its own event only', async () => {
    await broker.deadLetters.store(LETTER);
    await broker.deadLetters.remove(1, { ...ORIGIN, sequence: 8 });
    expect(broker.letters).toHaveLength(1);
    await broker.deadLetters.remove(1, ORIGIN);
    expect(broker.letters).toEqual([]);
  });
});

test('a bucket is the same one at each call', async () => {
  const { bucket } = await broker.openStore('shop');
  await bucket.put('k', '1');
  expect((await (await broker.findStore('shop'))?.get('k'))?.value).toBe('1');
});
