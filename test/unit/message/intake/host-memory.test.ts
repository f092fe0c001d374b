import { HostMemory } from '../../../../host/message/intake/host-memory';

function setUp(maxBytes: number) {
  const memory = new HostMemory(maxBytes);
  const journal: string[] = [];
  memory.join({ full: () => journal.push('full'), freed: () => journal.push('freed') });
  return { memory, journal };
}

test('is full from its bound on, and free again below three quarters of it; its users learn each change once', () => {
  const { memory, journal } = setUp(1_000);
  memory.add(999);
  expect(memory.isFull).toBe(false);
  memory.add(1);
  memory.add(500);
  expect(memory).toMatchObject({ isFull: true, usedBytes: 1_500 });
  memory.remove(750);
  expect(memory.isFull).toBe(true);
  memory.remove(1);
  memory.remove(749);
  expect(memory).toMatchObject({ isFull: false, usedBytes: 0 });
  expect(journal).toEqual(['full', 'freed']);
});

test('a user that has left is not called, and without a bound it is never full', () => {
  const { memory, journal } = setUp(10);
  const user = { full: () => journal.push('other'), freed: () => undefined };
  memory.join(user)();
  memory.add(10);
  expect(journal).toEqual(['full']);
  const unbounded = setUp(Infinity);
  unbounded.memory.add(Number.MAX_SAFE_INTEGER);
  expect(unbounded.memory.isFull).toBe(false);
});
