import { BufferedDelivery } from '../../../../host/message/intake/buffered-delivery';
import { DeliveryBuffer } from '../../../../host/message/intake/delivery-buffer';
import { MessageBench } from '../../../support/message-bench';

function setUp() {
  const [stream, retries] = [new MessageBench(), new MessageBench()];
  const buffer = new DeliveryBuffer();
  const add = (bench: MessageBench, sequence: number) => {
    const delivery = bench.delivery({}, { sequence });
    const buffered = new BufferedDelivery(delivery, bench.handler);
    buffered.touchedAtMs = 0;
    buffer.add(buffered);
    return { buffered, delivery };
  };
  return { stream, retries, buffer, add };
}

test('finds a delivery by its stream and sequence: a handler takes from two streams', () => {
  const { stream, retries, buffer, add } = setUp();
  const { buffered } = add(stream, 3);
  add(retries, 3);
  expect(buffer.get(stream.handler.settlements, 3)).toBe(buffered);
  expect(buffer.get(stream.handler.settlements, 4)).toBeUndefined();
  expect([buffer.size, buffer.sizeOf(stream.handler.settlements), [...buffer].length]).toEqual([2, 1, 2]);
});

test('removes a delivery once, and not a later delivery of the same message', () => {
  const { stream, buffer, add } = setUp();
  const first = add(stream, 3);
  buffer.remove(first.buffered);
  const second = add(stream, 3);
  buffer.remove(first.buffered);
  expect([...buffer]).toEqual([second.buffered]);
  expect(buffer.size).toBe(1);
});

test('restarts the ack wait of each delivery once a third of it has passed', () => {
  const { stream, buffer, add } = setUp();
  const { delivery } = add(stream, 1);
  for (const nowMs of [4_000, 5_000, 6_000, 9_900, 10_000]) buffer.extendAckWait(nowMs, 15_000);
  expect(delivery.workings).toBe(2);
});
