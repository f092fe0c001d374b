import { RunRoom } from '../../../../host/records/commits/run-room';
import { after } from './fake-host';

describe('RunRoom', () => {
  let finished: number;
  let room: RunRoom;
  beforeEach(() => {
    finished = 0;
    room = new RunRoom(() => finished);
  });

  /** Returns the number of finished runs from which on further ones wait. */
  function limit(): number {
    const before = finished;
    for (finished = 0; !room.wait(); finished++);
    const found = finished;
    finished = before;
    return found;
  }

  it('lets 2,000 finished runs wait for their commit at first', () => {
    expect(limit()).toBe(2_000);
  });

  it('halves the number at each conflict, down to 100', () => {
    const limits = Array.from({ length: 6 }, () => {
      room.conflicted();
      return limit();
    });
    expect(limits).toEqual([1_000, 500, 250, 125, 100, 100]);
  });

  it('raises the number by a tenth with each own commit, up to 2,000', () => {
    for (let i = 0; i < 5; i++) room.conflicted();
    room.committed();
    expect(limit()).toBe(110);
    room.committed();
    expect(limit()).toBe(121);
    for (let i = 0; i < 40; i++) room.committed();
    expect(limit()).toBe(2_000);
  });

  it('lets as many runs begin as there is room, and the others if those end without a commit', async () => {
    finished = 2_000;
    const begun: number[] = [];
    for (let run = 0; run < 5; run++) void room.wait()!.then(() => begun.push(run));
    finished = 1_998;
    room.admit();
    await after(1);
    finished = 2_000;
    await after();
    expect(begun).toEqual([0, 1]);
    finished = 1_999;
    room.admit();
    await after();
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets nobody begin while there is no room', async () => {
    finished = 2_000;
    let hasBegun = false;
    void room.wait()!.then(() => (hasBegun = true));
    room.admit();
    await after();
    expect(hasBegun).toBe(false);
  });
});
