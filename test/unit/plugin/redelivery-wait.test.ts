import type { Delivery } from '../../../host/broker/delivery';
import { RedeliveryWait } from '../../../host/plugin/redelivery-wait';
import { settle } from '../../support/memory-host';
import { VirtualTime } from '../../../host/testing/virtual-time';

const first = { deliveryCount: 1 } as Delivery;
const redelivery = { deliveryCount: 2 } as Delivery;

function waiting(missing: number, isServed = (): boolean => true) {
  const time = new VirtualTime(0);
  const events: string[] = [];
  const wait = new RedeliveryWait(missing, 30_000, time, {
    more: () => events.push(`more at ${time.nowMs()}`),
    isServed: async () => isServed(),
    done: () => events.push(`done at ${time.nowMs()}`),
  });
  wait.start();
  return { wait, time, events };
}

test('a wait ends when as many redeliveries have arrived as were missing', () => {
  const { wait, time, events } = waiting(2);
  expect(wait.capacity).toBe(2);
  wait.arrived(redelivery, false);
  expect([wait.capacity, events]).toEqual([1, []]);
  wait.arrived(redelivery, false);
  expect(events).toEqual(['done at 0']);
  expect(time.step(Infinity, false)).toBe(false);
});

test('the redelivery of an event that is in this host already does not count, and another one is requested for it', () => {
  const { wait, events } = waiting(1);
  wait.arrived(redelivery, true);
  expect([wait.capacity, events]).toEqual([1, ['more at 0']]);
  wait.arrived(redelivery, false);
  expect(events).toEqual(['more at 0', 'done at 0']);
});

test('new events use up the capacity; after the ack wait there is capacity for the missing redeliveries', () => {
  const { wait, time, events } = waiting(2);
  wait.arrived(first, false);
  wait.arrived(redelivery, false);
  expect(wait.capacity).toBe(0);
  time.step(Infinity, false);
  expect([wait.capacity, events]).toEqual([1, ['more at 31000']]);
  wait.arrived(redelivery, false);
  expect(events).toEqual(['more at 31000', 'done at 31000']);
});

test('a wait ends a second after the ack wait and its margin, though another host still works on the events', async () => {
  const { time, events } = waiting(2);
  while (time.step(Infinity, false)) await settle();
  expect(events).toEqual(['more at 31000', 'done at 32000']);
});

test('a wait does not end while the server does not answer, nor after it was cancelled', async () => {
  let isServed = false;
  const { wait, time, events } = waiting(2, () => isServed);
  for (let step = 0; step < 4; step++) {
    time.step(Infinity, false);
    await settle();
  }
  expect(events).toEqual(['more at 31000']);
  isServed = true;
  time.step(Infinity, false);
  wait.cancel();
  await settle();
  expect(events).toEqual(['more at 31000']);
});

test('a wait that is cancelled reports nothing', () => {
  const { wait, time, events } = waiting(1);
  wait.cancel();
  expect([time.step(Infinity, false), events]).toEqual([false, []]);
});
