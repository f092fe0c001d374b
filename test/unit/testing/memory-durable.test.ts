import type { Delivery } from '../../../host/broker/delivery';
import type { DurableSpec } from '../../../host/broker/durable';
import { MemoryDurable, type Puller } from '../../../host/testing/memory-durable';
import { MemoryStream } from '../../../host/testing/memory-stream';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { DURABLE } from '../../support/durable-spec';

const ACK_WAIT_MS = 30_000;
const SPEC = { ...DURABLE, subject: 'orders.placed', ackWaitMs: ACK_WAIT_MS };

/** A stream of two subjects, and a pull with capacity for some deliveries. */
class Bench implements Puller {
  readonly time = new VirtualTime(0);
  readonly stream = new MemoryStream({ name: 'EVENTS', subjects: ['orders.>'], duplicateWindowMs: 0 }, this.time);
  readonly deliveries: Delivery[] = [];
  capacity = Infinity;

  get wants(): boolean {
    return this.deliveries.length < this.capacity;
  }
  deliver(delivery: Delivery): void {
    this.deliveries.push(delivery);
  }
  publish(subject = 'orders.placed'): void {
    this.stream.append({ subject, payload: Buffer.from('{}'), headers: {} });
  }
  durable(spec: Partial<DurableSpec> = {}): MemoryDurable {
    const durable = new MemoryDurable(this.stream, { ...SPEC, ...spec }, this.time);
    durable.start();
    durable.join(this);
    return durable;
  }
  /** Deliveries so far: sequence and how often it was delivered. */
  async delivered(): Promise<[sequence: number, count: number][]> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.deliveries.map(({ sequence, deliveryCount }) => [sequence, deliveryCount]);
  }
}

let bench: Bench;
beforeEach(() => (bench = new Bench()));

test('a durable delivers the messages of its subject, in order, while there is capacity', async () => {
  for (const subject of ['orders.placed', 'orders.paid', 'orders.placed', 'orders.placed']) bench.publish(subject);
  bench.capacity = 2;
  const durable = bench.durable();
  expect(await bench.delivered()).toEqual([
    [1, 1],
    [3, 1],
  ]);
  expect(durable.position).toMatchObject({ pending: 1, inFlight: 2, ackFloor: 0 });
});

test('the ack floor is below the first unsettled message', async () => {
  for (let i = 0; i < 3; i++) bench.publish();
  const durable = bench.durable();
  await bench.delivered();
  bench.deliveries[0]!.ack();
  bench.deliveries[2]!.ack();
  expect(durable.position).toMatchObject({ inFlight: 1, ackFloor: 1 });
  bench.deliveries[1]!.ack();
  expect(durable.position).toMatchObject({ inFlight: 0, ackFloor: 3 });
  expect(durable.isInFlight).toBe(false);
});

test('a nack redelivers at once, or after its delay', async () => {
  bench.publish();
  bench.durable();
  await bench.delivered();
  bench.deliveries[0]!.nak();
  expect(await bench.delivered()).toEqual([
    [1, 1],
    [1, 2],
  ]);
  bench.deliveries[1]!.nak(5_000);
  bench.time.step(4_999, false);
  expect(await bench.delivered()).toHaveLength(2);
  bench.time.step(5_000, false);
  expect((await bench.delivered()).at(-1)).toEqual([1, 3]);
});

test('a message that is not settled within the ack wait is redelivered; working extends the wait', async () => {
  bench.publish();
  bench.durable();
  await bench.delivered();
  bench.time.step(ACK_WAIT_MS - 1, false);
  bench.deliveries[0]!.working();
  bench.time.step(2 * ACK_WAIT_MS - 2, false);
  expect(await bench.delivered()).toHaveLength(1);
  bench.time.step(2 * ACK_WAIT_MS, false);
  expect((await bench.delivered()).at(-1)).toEqual([1, 2]);
});

test('an ack that comes after the ack wait prevents the redelivery', async () => {
  bench.publish();
  bench.capacity = 1;
  const durable = bench.durable();
  await bench.delivered();
  bench.time.step(ACK_WAIT_MS, false);
  bench.deliveries[0]!.ack();
  bench.capacity = 2;
  durable.deliverSoon();
  expect(await bench.delivered()).toEqual([[1, 1]]);
});

test('a delivery cannot be settled twice', async () => {
  bench.publish();
  bench.durable();
  await bench.delivered();
  const [delivery] = bench.deliveries;
  delivery!.term('broken');
  expect(delivery!.settled).toBe(true);
  expect(() => delivery!.ack()).toThrow(expect.objectContaining({ code: 'JP_INTERNAL' }));
});

test('no more than maxAckPending messages are in flight', async () => {
  for (let i = 0; i < 3; i++) bench.publish();
  const durable = bench.durable({ maxAckPending: 2 });
  expect(await bench.delivered()).toHaveLength(2);
  bench.deliveries[0]!.ack();
  expect(await bench.delivered()).toHaveLength(3);
  expect(durable.position.pending).toBe(0);
});

test.each<[from: Partial<DurableSpec>, first: number | undefined]>([
  [{ from: 'beginning' }, 1],
  [{ from: { sequence: 2 } }, 2],
  [{ from: { since: '10s' } }, 3],
  [{ from: 'new' }, 4],
  [{ from: 'new', resumeAfter: 1 }, 2],
])('with %j the first delivery is message %p', async (from, first) => {
  bench.publish();
  bench.publish();
  bench.time.step(60_000, false);
  bench.publish();
  bench.time.step(65_000, false);
  bench.durable(from);
  bench.publish();
  expect((await bench.delivered())[0]).toEqual([first, 1]);
});

test('a pull that has left receives nothing', async () => {
  const durable = bench.durable();
  durable.leave(bench);
  bench.publish();
  expect(await bench.delivered()).toEqual([]);
  expect(durable.pending).toBe(1);
});
