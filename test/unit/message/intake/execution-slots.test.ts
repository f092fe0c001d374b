import { Limiter } from '../../../../host/base/limiter';
import { ExecutionSlots } from '../../../../host/message/intake/execution-slots';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('has as many slots as the concurrency, and a slot that is freed can be taken again', () => {
  const slots = new ExecutionSlots(2, new Limiter(1), () => undefined);
  const first = slots.take();
  expect(slots.isFree).toBe(true);
  slots.take();
  expect(slots).toMatchObject({ isFree: false, running: 2 });
  slots.free(first);
  expect(slots).toMatchObject({ isFree: true, running: 1 });
});

test('an event that runs alone waits for the others, and no slot is free until it ends', async () => {
  const freed = jest.fn();
  const slots = new ExecutionSlots(3, new Limiter(1), freed);
  const other = slots.take();
  slots.take();
  const alone = slots.alone();
  await turn();
  slots.free(other);
  const end = await alone;
  expect(slots.isFree).toBe(false);
  end!();
  end!();
  expect(slots.isFree).toBe(true);
  expect(freed).toHaveBeenCalledTimes(1);
});

test('stopping ends the waits to run alone, and passes on a turn that comes late', async () => {
  const suspects = new Limiter(1);
  const release = await suspects.acquire();
  const slots = new ExecutionSlots(1, suspects, () => undefined);
  slots.take();
  const alone = slots.alone();
  slots.stop();
  expect(await alone).toBeUndefined();
  release();
  await turn();
  await suspects.acquire();
});

test('is idle when every slot is free', async () => {
  const slots = new ExecutionSlots(2, new Limiter(1), () => undefined);
  const runs = [slots.take(), slots.take()];
  slots.stop();
  let idle = false;
  const waits = slots.idle().then(() => (idle = true));
  slots.free(runs[0]!);
  await turn();
  expect(idle).toBe(false);
  slots.free(runs[1]!);
  await waits;
  await slots.idle();
});

test('a renewal has its concurrency at once, and resolves when the runs before it have ended', async () => {
  const slots = new ExecutionSlots(1, new Limiter(1), () => undefined);
  const before = slots.take();
  let ended = false;
  const renewed = slots.renew(2).then(() => (ended = true));
  const after = slots.take();
  slots.free(after);
  await turn();
  expect([slots.isFree, ended]).toEqual([true, false]);
  slots.free(before);
  await renewed;
});
