import { BufferedDelivery } from '../../../../host/message/intake/buffered-delivery';
import { DispatchOrder } from '../../../../host/message/intake/dispatch-order';
import { machineTime } from '../../../../host/base/time';
import { MessageBench } from '../../../support/message-bench';

function setUp(limits: ConstructorParameters<typeof DispatchOrder>[0] = {}) {
  const bench = new MessageBench();
  const order = new DispatchOrder(limits, () => undefined, machineTime);
  const arrive = (...sequences: number[]): BufferedDelivery[] =>
    sequences.map((sequence) => {
      const buffered = new BufferedDelivery(bench.delivery({}, { sequence }), bench.handler);
      order.arrived(buffered);
      return buffered;
    });
  const next = (): number | undefined => (order.next() as BufferedDelivery | undefined)?.delivery.sequence;
  return { order, arrive, next };
}

test('deliveries are dispatched in the order of their arrival', () => {
  const { order, arrive, next } = setUp();
  expect(order.isClear).toBe(true);
  arrive(2, 1);
  expect([order.isClear, order.ready]).toEqual([false, 2]);
  expect([next(), next(), next()]).toEqual([2, 1, undefined]);
});

test('collected deliveries are dispatched only after they are sorted in the order of the stream', () => {
  const { order, arrive, next } = setUp();
  order.collect();
  arrive(9, 3, 7);
  expect([order.isClear, order.ready, next()]).toEqual([false, 0, undefined]);
  order.sortCollected();
  expect([next(), next(), next()]).toEqual([3, 7, 9]);
});

test('a clear returns all deliveries that have not begun, including the collected ones', () => {
  const { order, arrive } = setUp();
  arrive(1);
  order.collect();
  arrive(2);
  expect(order.clear().map(({ delivery }) => delivery.sequence)).toEqual([1, 2]);
  expect(order.ready).toBe(0);
});
