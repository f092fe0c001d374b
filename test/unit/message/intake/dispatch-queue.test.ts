import fc from 'fast-check';
import type { BufferedDelivery } from '../../../../host/message/intake/buffered-delivery';
import { BatchQueue, Fifo } from '../../../../host/message/intake/dispatch-queue';
import { VirtualTime } from '../../../../host/testing/virtual-time';

test('items are taken in the order in which they were pushed, with any interleaving of pushes and takes', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('take' as const), fc.constant('clear' as const), fc.nat())), (steps) => {
      const fifo = new Fifo<number>();
      let model: number[] = [];
      for (const step of steps) {
        if (step === 'take') expect(fifo.shift()).toBe(model.shift());
        else if (step === 'clear') {
          expect(fifo.clear()).toEqual(model);
          model = [];
        } else {
          fifo.push(step);
          model.push(step);
        }
        expect(fifo.length).toBe(model.length);
      }
    }),
  );
});

test('taken items are released, even if the queue is never empty', () => {
  const fifo = new Fifo<number>();
  for (let i = 0; i < 10; i++) fifo.push(i);
  for (let i = 10; i < 5_000; i++) {
    fifo.push(i);
    expect(fifo.shift()).toBe(i - 10);
  }
  expect((fifo as unknown as { items: number[] }).items.length).toBeLessThan(1_100);
});

test('a batch starts when its wait is over, also if the timer fires a moment too early', () => {
  // Each reading of this clock takes a quarter of a millisecond.
  let nowMs = 0;
  const timers: (() => void)[] = [];
  const time = {
    epochMs: () => nowMs,
    nowMs: () => (nowMs += 0.25),
    soon: () => undefined,
    every: () => ({ cancel: () => undefined }),
    after: (_delayMs: number, act: () => void) => {
      timers.push(act);
      return { cancel: () => void timers.splice(timers.indexOf(act), 1) };
    },
  };
  const batches: (readonly BufferedDelivery[] | undefined)[] = [];
  const queue = new BatchQueue({ size: 3, waitMs: 80 }, () => batches.push(queue.next()), time);
  const one = { arrivedAtMs: 0, handler: { settlements: {} } } as BufferedDelivery;
  queue.push(one);
  expect(queue.next()).toBeUndefined();
  nowMs = 79.6;
  timers.shift()!();
  expect(batches).toEqual([[one]]);
  expect([queue.next(), queue.ready, timers.length]).toEqual([undefined, 0, 0]);
});

test('a batch whose wait is over before a permit is free starts with the next permit', () => {
  const time = new VirtualTime(0);
  const queue = new BatchQueue({ size: 3, waitMs: 80 }, () => undefined, time);
  const [first, second] = [0, 1].map(
    (arrivedAtMs) => ({ arrivedAtMs, handler: { settlements: one } }) as unknown as BufferedDelivery,
  );
  queue.push(first!);
  while (time.step(100, false));
  queue.push(second!);
  expect(queue.next()).toEqual([first, second]);
  expect(queue.next()).toBeUndefined();
});

const one = {};
