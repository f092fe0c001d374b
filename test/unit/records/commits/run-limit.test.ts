import { RunLimit } from '../../../../host/records/commits/run-limit';
import { Transaction } from '../../../../host/records/commits/transaction';
import { after } from './fake-host';

describe('RunLimit', () => {
  let finished: number;
  let limit: RunLimit;
  beforeEach(() => {
    finished = 0;
    limit = new RunLimit(() => finished);
  });

  /** Returns the number of finished runs from which on further ones wait. */
  function most(): number {
    const before = finished;
    for (finished = 0; !limit.wait(new Transaction()); finished++);
    const found = finished;
    finished = before;
    return found;
  }

  it('lets 2,000 finished runs wait for their commit at first', () => {
    expect(most()).toBe(2_000);
  });

  it('halves the number at each conflict, down to 100', () => {
    const limits = Array.from({ length: 6 }, () => {
      limit.conflicted();
      return most();
    });
    expect(limits).toEqual([1_000, 500, 250, 125, 100, 100]);
  });

  it('raises the number by a tenth with each own commit, up to 2,000', () => {
    for (let i = 0; i < 5; i++) limit.conflicted();
    limit.committed();
    expect(most()).toBe(110);
    limit.committed();
    expect(most()).toBe(121);
    for (let i = 0; i < 40; i++) limit.committed();
    expect(most()).toBe(2_000);
  });

  it('lets as many runs begin as there is room for, and the others if those end without a commit', async () => {
    finished = 2_000;
    const begun: number[] = [];
    for (let run = 0; run < 5; run++) void limit.wait(new Transaction())!.then(() => begun.push(run));
    finished = 1_998;
    limit.admit();
    await after(1);
    finished = 2_000;
    await after();
    expect(begun).toEqual([0, 1]);
    finished = 1_999;
    limit.admit();
    await after();
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets nobody begin while there is no room', async () => {
    finished = 2_000;
    let hasBegun = false;
    void limit.wait(new Transaction())!.then(() => (hasBegun = true));
    limit.admit();
    await after();
    expect(hasBegun).toBe(false);
  });
});
