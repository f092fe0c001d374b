import type { OutboxRow } from '../../../host/relay/outbox';
import { relay } from '../../../host/relay/relay';
import { defineEvent } from '../../../sdk';
import { failed, FakeBus, FakeOutbox, RelayBench, row } from '../../support/fake-outbox';
import { z } from 'zod';

const benches: RelayBench[] = [];
afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.relay.stop()));
});

function start(rows: OutboxRow[], options: ConstructorParameters<typeof RelayBench>[1] = {}): RelayBench {
  const bench = new RelayBench(new FakeOutbox(rows), options);
  benches.push(bench);
  return bench;
}
const rows = (count: number, more: (n: number) => Partial<OutboxRow> = () => ({})): OutboxRow[] =>
  Array.from({ length: count }, (_, i) => row(i + 1, more(i + 1)));

describe('a relay', () => {
  test('publishes the rows in their order, batch by batch, and removes them', async () => {
    const { bus, outbox, settle } = bound(start(rows(5), { batch: 2 }));
    await settle();
    expect(bus.numbers).toEqual([1, 2, 3, 4, 5]);
    expect(outbox.rows).toEqual([]);
  });

  test('derives the id of an event from the name of the outbox and the id of the row', async () => {
    const ids = async (name: string): Promise<string[]> => {
      const { bus, settle } = bound(start(rows(2), { name }));
      await settle();
      return bus.sent.map(({ id }) => id);
    };
    const [one, two] = await ids('shop');
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await ids('shop')).toEqual([one, two]);
    expect(await ids('other')).not.toContain(one);
    expect(one).not.toBe(two);
  });

  test('passes the time of the row, and none if the row has none', async () => {
    const timestamp = '2026-05-12T12:00:00.000Z';
    const { bus, settle } = bound(start([row(1, { timestamp }), row(2, { timestamp: null as never })]));
    await settle();
    expect(bus.sent.map((sent) => sent.timestamp)).toEqual([timestamp, undefined]);
  });

  test('sends rows without a key one after the other, and rows of different keys at the same time', async () => {
    const slow = (): { bus: FakeBus } => {
      const bus = new FakeBus();
      bus.answer = () => new Promise((resolve) => setImmediate(resolve));
      return { bus };
    };
    const plain = start(rows(6), slow());
    await plain.pass(0);
    expect(plain.bus.mostInFlight).toBe(1);
    const keyed = start(
      rows(12, (n) => ({ key: `k${n % 4}` })),
      { ...slow(), concurrency: 3 },
    );
    await keyed.pass(0);
    await keyed.pass(0);
    expect(keyed.bus.mostInFlight).toBe(3);
    const ofKey = (k: number): unknown[] => keyed.bus.numbers.filter((n) => (n as number) % 4 === k);
    expect([0, 1, 2, 3].map(ofKey)).toEqual([
      [4, 8, 12],
      [1, 5, 9],
      [2, 6, 10],
      [3, 7, 11],
    ]);
  });

  test('looks again after the interval, or at once when it is woken', async () => {
    const { outbox, bus, relay: one, pass, settle } = bound(start([], { interval: '5s' }));
    await pass(4_999);
    expect(outbox.takes).toBe(1);
    await pass(1);
    expect(outbox.takes).toBe(2);
    outbox.rows = [row(1)];
    one.wake();
    await settle();
    expect(bus.numbers).toEqual([1]);
  });

  test('a wake during a look is not lost', async () => {
    const bench = start([row(1)]);
    const { bus, outbox, relay: one, settle } = bound(bench);
    bus.answer = ({ n }) => {
      if (n === 1) {
        outbox.rows = [...outbox.rows, row(2)];
        one.wake();
      }
    };
    await settle();
    expect(bus.numbers).toEqual([1, 2]);
    expect(bench.time.nowMs()).toBe(0);
  });
});

describe('after a death between publish and remove', () => {
  test('the next relay publishes the rows under the same ids, so that the stream drops the repeats', async () => {
    const bus = new FakeBus();
    const outbox = new FakeOutbox(rows(3));
    // The rows are still there, as they were when the first program died.
    const before = [...outbox.rows];
    const first = new RelayBench(outbox, { bus });
    benches.push(first);
    await first.settle();
    outbox.rows = before;
    const second = new RelayBench(outbox, { bus });
    benches.push(second);
    await second.settle();
    expect(bus.sent).toHaveLength(6);
    expect(bus.numbers).toEqual([1, 2, 3]);
    expect(outbox.rows).toEqual([]);
  });
});

describe('while the broker is away', () => {
  test('the rows wait and the waits grow, in order and with one line in the log, until it works again', async () => {
    const bench = start(
      rows(3, (n) => ({ key: `k${n}` })),
      { concurrency: 1 },
    );
    const { bus, outbox, lines, pass } = bound(bench);
    const triedAtMs: number[] = [];
    bus.answer = () => {
      triedAtMs.push(bench.time.nowMs());
      return triedAtMs.length <= 7 ? failed('JP_PUBLISH_FAILED') : undefined;
    };
    await pass(93_000);
    // Only one row is tried each time: the server is away for all of them.
    expect(triedAtMs).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000, 91_000, 91_000]);
    expect(bus.numbers).toEqual([1, 2, 3]);
    expect(outbox.rows).toEqual([]);
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'the relay of an outbox waits: publishing failed',
        outbox: 'shop',
        waitMs: 1_000,
        error: expect.objectContaining({ code: 'JP_PUBLISH_FAILED' }),
      },
      { level: 'info', message: 'the relay of an outbox continues: publishing works again', outbox: 'shop' },
    ]);
  });

  test('rows that were stored before the failure are removed, and are not sent again', async () => {
    const { bus, outbox, pass, settle } = bound(start(rows(3)));
    bus.answer = ({ n }) => (n === 2 && bus.sent.length < 3 ? failed('JP_PUBLISH_BACKLOG') : undefined);
    await settle();
    expect(outbox.rows.map(({ id }) => id)).toEqual([2, 3]);
    await pass(1_000);
    expect(bus.sent.map(({ n }) => n)).toEqual([1, 2, 2, 3]);
    expect(outbox.rows).toEqual([]);
  });
});

describe('a row that cannot be published', () => {
  test.each(['JP_EVENT_INVALID', 'JP_SUBJECT_INVALID', 'JP_PUBLISH_TOO_LARGE'] as const)(
    'with %s is refused and logged, and the rows after it are published',
    async (code) => {
      const { bus, outbox, lines, settle } = bound(start(rows(3)));
      bus.answer = ({ n }) => (n === 2 ? failed(code) : undefined);
      await settle();
      expect(bus.numbers).toEqual([1, 3]);
      expect(outbox.refused).toEqual([{ row: row(2), code }]);
      expect(outbox.rows).toEqual([]);
      expect(lines).toEqual([
        {
          level: 'error',
          message: 'the relay of an outbox refused a row',
          outbox: 'shop',
          row: 2,
          subject: 'order.placed',
          error: expect.objectContaining({ code }),
        },
      ]);
    },
  );

  test('because the schema of its contract throws, is refused with the cause', async () => {
    class OrderPlaced extends defineEvent('order.placed', z.object({})) {}
    const { bus, outbox, lines, settle } = bound(start([row(1, { event: OrderPlaced })]));
    bus.answer = () => new TypeError('no such rate');
    await settle();
    expect(outbox.refused.map(({ code }) => code)).toEqual(['JP_EVENT_INVALID']);
    expect(lines[0]).toMatchObject({
      subject: 'order.placed',
      error: { message: 'order.placed: no such rate', cause: { name: 'TypeError' } },
    });
  });

  test('because no stream holds its subject, is refused after half a minute, and rows of other keys are published', async () => {
    const bench = start([row(1, { event: 'order.lost' }), row(2), row(3, { key: 'k' })]);
    const { bus, outbox, pass, settle } = bound(bench);
    bus.answer = ({ subject }) => (subject === 'order.lost' ? failed('JP_PUBLISH_NO_STREAM') : undefined);
    await settle();
    expect(bus.numbers).toEqual([3]);
    await pass(29_000);
    expect(outbox.refused).toEqual([]);
    await pass(2_000);
    expect(outbox.refused).toEqual([{ row: row(1, { event: 'order.lost' }), code: 'JP_PUBLISH_NO_STREAM' }]);
    expect(bus.numbers).toEqual([3, 2]);
    // A later row of the subject is refused at once.
    outbox.rows = [row(4, { event: 'order.lost' }), row(5)];
    await pass(1_000);
    expect(bus.numbers).toEqual([3, 2, 5]);
    expect(outbox.refused).toHaveLength(2);
  });

  test('until its stream is made, is published then, in its order', async () => {
    const { bus, outbox, pass } = bound(start(rows(2)));
    let exists = false;
    bus.answer = () => (exists ? undefined : failed('JP_PUBLISH_NO_STREAM'));
    await pass(20_000);
    exists = true;
    await pass(20_000);
    expect(bus.numbers).toEqual([1, 2]);
    expect(outbox.refused).toEqual([]);
  });
});

describe('a failure of the database', () => {
  test.each(['take', 'remove', 'refuse'] as const)('in %s is logged, and the call is repeated', async (method) => {
    const outbox = new FakeOutbox(rows(2));
    outbox.failures[method] = [new Error('connection terminated'), new Error('connection terminated')];
    const bench = new RelayBench(outbox);
    benches.push(bench);
    bench.bus.answer = ({ n }) => (n === 2 ? failed('JP_EVENT_INVALID') : undefined);
    await bench.pass(3_000);
    expect(bench.bus.numbers).toEqual([1]);
    expect(outbox.rows).toEqual([]);
    expect(bench.lines.filter(({ level }) => level !== 'error')).toEqual([
      {
        level: 'warn',
        message: 'the relay of an outbox waits: the outbox failed',
        outbox: 'shop',
        waitMs: 1_000,
        error: expect.objectContaining({
          code: 'JP_OUTBOX_FAILED',
          message: `outbox shop: ${method} failed: connection terminated`,
          cause: expect.objectContaining({ message: 'connection terminated' }),
        }),
      },
      { level: 'info', message: 'the relay of an outbox continues: the outbox works again', outbox: 'shop' },
    ]);
  });

  test.each([
    ['no list', { rows: 3 }, 'it did not return a list of rows'],
    ['a row without an id', [{ event: 'order.placed', fields: {} }], 'it returned a row without an id'],
  ])('%s from take is a failure, and nothing is published', async (_what, taken, why) => {
    const outbox = new FakeOutbox([]);
    outbox.take = () => taken as never;
    const bench = new RelayBench(outbox);
    benches.push(bench);
    await bench.settle();
    expect(bench.bus.sent).toEqual([]);
    expect(bench.lines).toMatchObject([{ error: { message: `outbox shop: take failed: ${why}` } }]);
  });

  test('a row that is returned again after its removal is a failure, and is not sent over and over', async () => {
    const outbox = new FakeOutbox([row(1)]);
    outbox.remove = async () => {};
    const bench = new RelayBench(outbox, { batch: 1 });
    benches.push(bench);
    await bench.pass(60_000);
    expect(bench.bus.sent).toHaveLength(1);
    expect(bench.lines).toMatchObject([
      { error: { message: 'outbox shop: take failed: it returned the row 1, which was removed or refused before' } },
    ]);
  });
});

test('rows that were taken more than a minute ago are taken again before they are sent', async () => {
  const bench = start(rows(3));
  const { bus, outbox, pass, time } = bound(bench);
  bus.answer = ({ n }) => {
    if (n !== 1) return;
    // The process is frozen; meanwhile another one has published and removed the rows.
    time.step(61_000, false);
    outbox.rows = [row(4)];
  };
  await pass(62_000);
  expect(bus.numbers).toEqual([1, 4]);
});

describe('a stop', () => {
  test('waits for the events that are being sent, removes them, and starts no other', async () => {
    const { bus, outbox, relay: one, settle } = bound(start(rows(3)));
    let answer = (): void => undefined;
    bus.answer = () => new Promise<void>((resolve) => (answer = resolve));
    await settle();
    let hasEnded = false;
    const ended = one.stop().then(() => (hasEnded = true));
    await settle();
    expect(hasEnded).toBe(false);
    answer();
    await ended;
    expect(bus.numbers).toEqual([1]);
    expect(outbox.rows.map(({ id }) => id)).toEqual([2, 3]);
  });

  test('ends every wait', async () => {
    const idle = start([]);
    const away = start([row(1)]);
    away.bus.answer = () => failed('JP_PUBLISH_FAILED');
    const broken = start([]);
    broken.outbox.failures.take = Array.from({ length: 5 }, () => new Error('gone'));
    for (const bench of [idle, away, broken]) {
      await bench.settle();
      await bench.relay.stop();
      expect(bench.time.step(Infinity, true)).toBe(false);
    }
    expect(away.outbox.rows).toHaveLength(1);
  });

  test('does not wait for a database that is gone: it tries once to remove the rows', async () => {
    const { bus, outbox, relay: one, settle, lines } = bound(start([row(1)]));
    let answer = (): void => undefined;
    bus.answer = () => new Promise<void>((resolve) => (answer = resolve));
    await settle();
    outbox.failures.remove = Array.from({ length: 5 }, () => new Error('gone'));
    const ended = one.stop();
    answer();
    await ended;
    expect(outbox.failures.remove).toHaveLength(4);
    expect(lines).toMatchObject([{ error: { message: 'outbox shop: remove failed: gone' } }]);
  });
});

test.each([
  [{ name: '' }, 'relay: name is not a text of 1–256 characters'],
  [{ name: 'shop', batch: 0 }, 'relay: batch is 0, not a positive integer'],
  [{ name: 'shop', concurrency: 1.5 }, 'relay: concurrency is 1.5, not a positive integer'],
])('refuses the options %j', (options, message) => {
  const outbox = new FakeOutbox([]);
  expect(() => relay(new FakeBus() as never, outbox, options)).toThrow(
    expect.objectContaining({ code: 'JP_RELAY_OPTION', message }),
  );
  expect(outbox.takes).toBe(0);
});

/** The parts of a bench, with its methods bound. */
function bound(bench: RelayBench) {
  const { bus, outbox, relay: one, lines, time } = bench;
  return { bus, outbox, relay: one, lines, time, settle: () => bench.settle(), pass: (ms: number) => bench.pass(ms) };
}
