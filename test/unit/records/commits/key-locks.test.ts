import fc from 'fast-check';
import { KeyLocks } from '../../../../host/records/commits/key-locks';
import { Transaction } from '../../../../host/records/commits/transaction';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Locks the key, and notes the name when the owner has it. */
function noting(order: string[]) {
  return (locks: KeyLocks, owner: Transaction, key: string, name: string) =>
    void locks.lock(owner, key)!.then(() => order.push(name));
}

describe('KeyLocks', () => {
  it('lets one owner have a key at a time, in the order of the calls', async () => {
    const locks = new KeyLocks();
    const order: string[] = [];
    const lockNoting = noting(order);
    const [first, second, third] = [new Transaction(), new Transaction(), new Transaction()];
    expect(locks.lock(first, 'a')).toBeUndefined();
    expect(locks.lock(first, 'a')).toBeUndefined();
    lockNoting(locks, second, 'a', 'second');
    lockNoting(locks, third, 'a', 'third');
    await turn();
    expect(order).toEqual([]);
    locks.release(first);
    await turn();
    expect(order).toEqual(['second']);
    expect([[...second.locks!.locked], [...third.locks!.awaited.keys()]]).toEqual([['a'], ['a']]);
    locks.release(second);
    await turn();
    expect(order).toEqual(['second', 'third']);
    locks.release(third);
    expect(locks.isBusy('a')).toBe(false);
  });

  it('lets an owner wait for several keys at a time, and once for each', async () => {
    const locks = new KeyLocks();
    const [first, second] = [new Transaction(), new Transaction()];
    for (const key of ['a', 'b']) void locks.lock(first, key);
    const waits = ['a', 'b', 'a'].map((key) => locks.lock(second, key));
    expect(waits[2]).toBe(waits[0]);
    locks.release(first);
    for (const wait of waits) await wait;
    expect([...second.locks!.locked]).toEqual(['a', 'b']);
  });

  it('has an owner not wait for a key whose owner waits for it', () => {
    const locks = new KeyLocks();
    const [first, second, third] = [new Transaction(), new Transaction(), new Transaction()];
    void locks.lock(first, 'a');
    void locks.lock(second, 'b');
    void locks.lock(third, 'c');
    expect(locks.lock(first, 'b')).toBeInstanceOf(Promise);
    expect(locks.lock(second, 'c')).toBeInstanceOf(Promise);
    expect(locks.lock(third, 'a')).toBeUndefined();
    expect([...third.locks!.locked]).toEqual(['c']);
  });

  it('has an owner not wait behind another that waits for it', () => {
    const locks = new KeyLocks();
    const [first, second, third] = [new Transaction(), new Transaction(), new Transaction()];
    void locks.lock(first, 'a');
    void locks.lock(second, 'b');
    expect(locks.lock(third, 'a')).toBeInstanceOf(Promise);
    expect(locks.lock(third, 'b')).toBeInstanceOf(Promise);
    expect(locks.lock(second, 'a')).toBeUndefined();
  });

  it('does not lock a key for an owner that has ended while it waited', async () => {
    const locks = new KeyLocks();
    const [first, second, third] = [new Transaction(), new Transaction(), new Transaction()];
    void locks.lock(first, 'a');
    const waits = [locks.lock(second, 'a'), locks.lock(third, 'a')];
    second.isOver = true;
    locks.release(first);
    for (const wait of waits) await wait;
    expect([second.locks!.locked.size, [...third.locks!.locked]]).toEqual([0, ['a']]);
    expect([locks.lock(second, 'a'), locks.lock(second, 'b')]).toEqual([undefined, undefined]);
    expect([second.locks!.locked.size, second.locks!.awaited.size, locks.isBusy('b')]).toEqual([0, 0, false]);
  });

  it('counts a key as busy after a conflict, until it was locked many times without anybody waiting', () => {
    const locks = new KeyLocks();
    const owner = new Transaction();
    locks.noteConflict(['a']);
    for (let calm = 0; calm < 64; calm++) {
      expect(locks.isBusy('a')).toBe(true);
      void locks.lock(owner, 'a');
      locks.release(owner);
    }
    expect(locks.isBusy('a')).toBe(false);
  });

  it('ends every owner that releases its keys when it has got all that it waited for, whatever they lock', async () => {
    const programs = fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 4 }), {
      minLength: 2,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(programs, async (all) => {
        const locks = new KeyLocks();
        let ended = 0;
        const run = async (keys: readonly string[]): Promise<void> => {
          const owner = new Transaction();
          for (const key of keys) await locks.lock(owner, key);
          locks.release(owner);
          ended++;
        };
        const runs = all.map((keys) => run(keys));
        await turn();
        expect(ended).toBe(all.length);
        await Promise.all(runs);
      }),
    );
  });
});
