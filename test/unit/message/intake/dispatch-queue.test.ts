import fc from 'fast-check';
import { Fifo } from '../../../../host/message/intake/dispatch-queue';

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
