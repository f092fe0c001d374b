/** Which payloads reach a handler, and which are rejected before it runs. */
import { EventBus, Plugin, Store, Subscribe, type Envelope, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { defineEvent } from '../../sdk';
import { onBoth, Placed } from '../support/conformance';

const seen: unknown[] = [];
beforeEach(() => void seen.splice(0));

@Plugin({ name: 'strict' })
class StrictPlugin {
  @Subscribe(Placed)
  take(event: Placed): void {
    seen.push(event.n);
  }
}

onBoth('a malformed event never reaches a handler, and is dead-lettered with the reason', async (start) => {
  const host = await start([StrictPlugin]);
  const deep = JSON.parse(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`) as object;
  await host.publishRaw('orders.placed', '{"user":');
  await host.publishRaw('orders.placed', '[1]');
  await host.publishRaw('orders.placed', { user: 'u1', n: 'one' });
  await host.publishRaw('orders.placed', { user: '', n: 1 });
  await host.publishRaw('orders.placed', { event_type: 'orders.shipped', user: 'u1', n: 1 });
  await host.publishRaw('orders.placed', { user: 'u1', n: 1, deep });
  await host.publishRaw('orders.placed', { user: 'u1', n: 1, long: 'x'.repeat(600_000) });
  await host.publishRaw('orders.placed', new Uint8Array([0xff, 0xfe]));
  await host.publishRaw('orders.placed', { user: 'u1', n: 42 });
  await host.settled();
  expect(seen).toEqual([42]);
  const letters = [...host.deadLetters()].sort((a, b) => a.sequence - b.sequence);
  expect(letters.map(({ reason, attempts }) => `${reason} ${attempts}`)).toEqual([
    'invalid-json 0',
    'invalid-envelope 0',
    'schema 0',
    'schema 0',
    'invalid-envelope 0',
    'too-deep 0',
    'too-large 0',
    'invalid-json 0',
  ]);
});

onBoth('an event without an envelope is given one', async (start) => {
  const envelopes: Envelope[] = [];
  @Plugin({ name: 'envelope' })
  class EnvelopePlugin {
    @Subscribe(Placed)
    take({ event_type, event_id, timestamp }: Placed): void {
      envelopes.push({ event_type, event_id, timestamp });
    }
  }
  const host = await start([EnvelopePlugin]);
  await host.publishRaw('orders.placed', { user: 'u1', n: 1 }, { 'Nats-Msg-Id': 'mine' });
  await host.publishRaw('orders.placed', { user: 'u1', n: 2 });
  await host.settled();
  expect(envelopes).toMatchObject([
    { event_type: 'orders.placed', event_id: 'mine' },
    { event_type: 'orders.placed', event_id: expect.stringMatching(/./) },
  ]);
  expect(envelopes[0]!.timestamp).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

onBoth('CloudEvents are read in both modes', async (start) => {
  const host = await start([StrictPlugin]);
  const structured = { specversion: '1.0', id: 'c1', source: 's', type: 'orders.placed', data: { user: 'u1', n: 1 } };
  await host.publishRaw('orders.placed', structured, { 'Content-Type': 'application/cloudevents+json' });
  const binary = { 'ce-specversion': '1.0', 'ce-id': 'c2', 'ce-source': 's', 'ce-type': 'orders.placed' };
  await host.publishRaw('orders.placed', { user: 'u1', n: 2 }, { ...binary, 'Content-Type': 'application/json' });
  await host.settled();
  expect(seen).toEqual([1, 2]);
  expect(host.deadLetters()).toEqual([]);
});

onBoth(
  'a CloudEvent is recognised without headers, its data stays apart and its attributes reach the handler',
  async (start) => {
    const got: unknown[] = [];
    @Plugin({ name: 'cloud' })
    class CloudPlugin {
      @Subscribe('shop.>')
      take(event: Envelope & { data?: unknown }, { headers, cloudEvent }: EventContext): void {
        const { source, partitionkey } = cloudEvent!.attributes;
        got.push([event.event_id, event.data, source, partitionkey, headers['ce-source'], headers['ce-partitionkey']]);
      }
    }
    const host = await start([CloudPlugin]);
    const attributes = { specversion: '1.0', type: 'shop.sold', source: '/tv', partitionkey: 'k', time: null };
    const data = { timestamp: 1715540591, event_id: 77 };
    await host.publishRaw('shop.sold', { ...attributes, id: 'c1', data });
    const headers = { 'ce-specversion': '1.0', 'ce-type': 'shop.sold', 'ce-source': '/tv', 'ce-partitionkey': 'k' };
    await host.publishRaw('shop.sold', data, { ...headers, 'ce-id': 'c2' });
    await host.publishRaw('shop.sold', '', { ...headers, 'ce-id': 'c3' });
    await host.settled();
    expect(host.deadLetters()).toEqual([]);
    expect(got).toEqual([
      ['c1', data, '/tv', 'k', '/tv', 'k'],
      ['c2', data, '/tv', 'k', '/tv', 'k'],
      ['c3', undefined, '/tv', 'k', '/tv', 'k'],
    ]);
  },
);

onBoth(
  'an event with a number that cannot be represented exactly is refused, and its letter keeps the number as written',
  async (start) => {
    const host = await start([StrictPlugin]);
    const texts = [
      '{"user":"u1","n":1497549923779084388}',
      '{"user":"u1","n":1,"a":[0.10000000000000000055511151231257827]}',
    ];
    for (const text of texts) await host.publishRaw('orders.placed', text);
    await host.publishRaw('orders.placed', '{"user":"1497549923779084388","n":1e2}');
    await host.settled();
    expect(seen).toEqual([100]);
    const letters = [...host.deadLetters()].sort((a, b) => a.sequence - b.sequence);
    expect(letters.map(({ reason }) => reason)).toEqual(['inexact-number', 'inexact-number']);
    expect(letters.map(({ error }) => error)).toEqual([
      'n: 1497549923779084388 would be rounded to 1497549923779084300; write it as a string, in quotes',
      'a.0: 0.10000000000000000055511151231257827 would be rounded to 0.1; write it as a string, in quotes',
    ]);
    expect(letters.map(({ payload }) => Buffer.from(payload).toString())).toEqual(texts);
  },
);

onBoth('a field of a contract’s schema that the class declares again has its validated value', async (start) => {
  class Redeclared extends Placed {
    declare readonly event_id: string;
    override user!: string;
    tags: string[] = ['new'];
    // Defines the field as TypeScript does for the declaration above, with any compiler of this test.
    constructor(event: Placed) {
      super(event);
      Object.defineProperty(this, 'user', { value: undefined, writable: true, enumerable: true, configurable: true });
    }
  }
  const got: unknown[] = [];
  @Plugin({ name: 'redeclared' })
  class RedeclaredPlugin {
    @Subscribe(Redeclared)
    take({ user, n, tags }: Redeclared): void {
      got.push([user, n, tags]);
    }
  }
  const host = await start([RedeclaredPlugin]);
  await host.publish(Redeclared, { user: 'u1', n: 1 });
  await host.settled();
  expect(got).toEqual([['u1', 1, ['new']]]);
});

onBoth(
  'a value that JSON cannot hold is refused with its path, in the store and when it is published',
  async (start) => {
    const values = [NaN, [undefined], { a: [new Map()] }, { at: new Error('x') }, new Uint8Array(1), () => 1];
    const refused: string[] = [];
    const note = (error: unknown) => void refused.push((error as Error).message);
    @Plugin({ name: 'values' })
    class ValuesPlugin {
      constructor(
        private readonly store: Store,
        private readonly events: EventBus,
      ) {}
      @Subscribe(Placed)
      async take({ n }: Placed) {
        await this.store.update(`k${n}`, () => values[n]).catch(note);
        await this.events.publish('orders.valued', { value: values[n] }).catch(note);
        await this.store.update('when', () => ({ at: new Date(0), gone: undefined }));
      }
    }
    const host = await start([ValuesPlugin]);
    for (const n of values.keys()) {
      await host.publish(Placed, { user: 'u1', n });
      await host.settled();
    }
    expect(host.published('orders.valued')).toEqual([]);
    expect(await host.store(ValuesPlugin).keys()).toEqual(['when']);
    expect(await host.store(ValuesPlugin).get('when')).toEqual({ at: '1970-01-01T00:00:00.000Z' });
    expect(refused).toEqual([
      'Store.update("k0"): the new value is NaN',
      'orders.valued: value is NaN',
      'Store.update("k1"): 0 of the new value is undefined in a list',
      'orders.valued: value.0 is undefined in a list',
      'Store.update("k2"): a.0 of the new value is a Map, which is no plain object and has no toJSON',
      'orders.valued: value.a.0 is a Map, which is no plain object and has no toJSON',
      'Store.update("k3"): at of the new value is an Error, which is no plain object and has no toJSON',
      'orders.valued: value.at is an Error, which is no plain object and has no toJSON',
      'Store.update("k4"): the new value is an Uint8Array, which is bytes',
      'orders.valued: value is an Uint8Array, which is bytes',
      'Store.update("k5"): the new value is a function',
      'orders.valued: value is a function',
    ]);
    await expect(host.publish('orders.valued', { a: Infinity })).rejects.toMatchObject({ code: 'JP_EVENT_INVALID' });
    await expect(host.publishRaw('orders.valued', { a: new Set() })).rejects.toMatchObject({
      code: 'JP_EVENT_INVALID',
    });
    await expect(host.store(ValuesPlugin).update('k', () => NaN)).rejects.toMatchObject({
      code: 'JP_STORE_VALUE_INVALID',
    });
  },
);

onBoth('a handler on a subject with a wildcard gets any JSON object of a matching subject', async (start) => {
  const got: unknown[] = [];
  @Plugin({ name: 'raw' })
  class RawPlugin {
    @Subscribe('shop.*.paid')
    one(event: Envelope & { sum?: number }, { subject, headers }: EventContext): void {
      got.push([subject, event.event_type, event.sum, headers['x-a']]);
    }
    @Subscribe('shop.>')
    all(event: Envelope): void {
      got.push(['all', event.event_type]);
    }
  }
  const host = await start([RawPlugin]);
  await host.publish('shop.north.paid', { sum: 1 });
  await host.publishRaw('shop.south.paid', { sum: 2 }, { 'x-a': 'b' });
  await host.publish('shop.north.sent', {});
  await host.settled();
  expect(got.filter((line) => (line as string[])[0] !== 'all')).toEqual([
    ['shop.north.paid', 'shop.north.paid', 1, undefined],
    ['shop.south.paid', 'shop.south.paid', 2, 'b'],
  ]);
  expect(got.filter((line) => (line as string[])[0] === 'all')).toHaveLength(3);
});

onBoth('a handler gets the output of the schema for the fields', async (start) => {
  class Priced extends defineEvent(
    'orders.priced',
    z.object({ price: z.coerce.number(), currency: z.string().default('EUR') }),
  ) {}
  const got: unknown[] = [];
  @Plugin({ name: 'transforms' })
  class TransformsPlugin {
    @Subscribe(Priced)
    take({ price, currency }: Priced): void {
      got.push([price, currency]);
    }
  }
  const host = await start([TransformsPlugin]);
  await host.publishRaw('orders.priced', { price: '12.5' });
  await host.settled();
  expect(got).toEqual([[12.5, 'EUR']]);
});

onBoth('a publish that is invalid by its contract, or has no stream, is refused', async (start) => {
  const host = await start([StrictPlugin]);
  await expect(host.publish(Placed, { user: '', n: 1 })).rejects.toMatchObject({ code: 'JP_EVENT_INVALID' });
  await expect(host.publish('nowhere.at.all', {})).rejects.toMatchObject({ code: 'JP_PUBLISH_NO_STREAM' });
  await expect(host.publish(['orders', '*'].join('.'), {})).rejects.toMatchObject({ code: 'JP_SUBJECT_INVALID' });
});

class Renamed extends defineEvent('orders.placed', z.object({ user: z.string().min(1), count: z.int() }), {
  upcast: ({ n, ...old }) => ({ ...old, user: String(old['user']), count: Number(n) }),
}) {}

onBoth('an old form of an event is upcast for handlers of events and of batches', async (start) => {
  const counts: number[] = [];
  @Plugin({ name: 'upcast' })
  class UpcastPlugin {
    @Subscribe()
    one(event: Renamed): void {
      counts.push(event.count);
    }

    @Subscribe(Renamed, { batch: { size: 10, wait: '50ms' } })
    many(events: Renamed[]): void {
      counts.push(...events.map(({ count }) => count));
    }
  }
  const host = await start([UpcastPlugin]);
  await host.publishRaw('orders.placed', { user: 'u1', n: 1 });
  await host.publishRaw('orders.placed', { user: 'u1', count: 2 });
  await host.publishRaw('orders.placed', { user: 'u1', n: 'three' });
  await host.settled();
  expect(counts.sort()).toEqual([1, 1, 2, 2]);
  const letters = host.deadLetters().map(({ reason, error }) => `${reason}: ${error}`);
  expect(letters).toHaveLength(2);
  for (const letter of letters) expect(letter).toMatch(/^schema: count: .*; after the upcast: count: .*NaN/);
});

onBoth('an event is published in its present form only', async (start) => {
  const host = await start([StrictPlugin]);
  const published = host.publish(Renamed, { user: 'u1', n: 1 } as never);
  await expect(published).rejects.toMatchObject({ code: 'JP_EVENT_INVALID' });
});
