import { KeyLocks } from '../../../../host/records/commits/key-locks';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('KeyLocks', () => {
  it('lets one holder have a key at a time, in the order of the calls', async () => {
    const locks = new KeyLocks();
    const order: string[] = [];
    const release = await locks.lock(['a']);
    const second = locks.lock(['a']).then((free) => (order.push('second'), free));
    const third = locks.lock(['a']).then((free) => (order.push('third'), free));
    await turn();
    expect(order).toEqual([]);
    release();
    (await second)();
    (await third)();
    expect(order).toEqual(['second', 'third']);
    expect(locks.lockFree('a')).toBeDefined();
  });

  it('has two callers with the same keys in another order never wait for each other', async () => {
    const locks = new KeyLocks();
    const both = [locks.lock(['a', 'b']), locks.lock(['b', 'a'])];
    (await both[0]!)();
    (await both[1]!)();
    expect(locks.lockFree('b')).toBeDefined();
  });

  it('gives a key that is locked to nobody at once', async () => {
    const locks = new KeyLocks();
    const release = locks.lockFree('a')!;
    expect(locks.lockFree('a')).toBeUndefined();
    const next = locks.lockOne('a');
    release();
    expect(locks.lockFree('a')).toBeUndefined();
    (await next)();
    expect(locks.lockFree('a')).toBeDefined();
  });

  it('locks a key once that is named twice', async () => {
    const release = await new KeyLocks().lock(['a', 'a']);
    release();
  });
});
