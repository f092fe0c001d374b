import { LogCut, LogReader, LogShortened, Stopped } from '../../../../host/records/commits/log-reader';
import { after, AT_ONCE, Server } from './fake-host';
import { FakeLog } from './fake-log';
import { TurnTime } from './turn-time';

describe('LogReader', () => {
  const time = new TurnTime();
  let server: Server;
  let log: FakeLog;
  let taken: number[];
  let cuts: unknown[];
  let stop: AbortController;
  let failsAt: number;
  let reader: LogReader;
  beforeEach(async () => {
    [server, taken, cuts, stop, failsAt] = [new Server(), [], [], new AbortController(), 0];
    log = new FakeLog(server.shared, AT_ONCE);
    reader = new LogReader(log, {
      time,
      stop: stop.signal,
      position: () => taken.at(-1) ?? 0,
      take: ({ position }) => {
        if (position === failsAt) throw new Error('cannot take it');
        taken.push(position);
      },
      failed: () => undefined,
      reconnected: () => undefined,
      cut: (error) => cuts.push(error),
    });
    for (let position = 0; position < 3; position++) await log.append(`${position}`, position);
  });
  afterEach(() => reader.stop());

  it('reports a commit of the tail that cannot be taken', async () => {
    await reader.catchUp();
    reader.follow();
    failsAt = 4;
    await log.append('x', 3);
    await after();
    expect(String(cuts)).toContain('cannot take it');
  });

  it('reads a gap of the tail from the server', async () => {
    reader.follow();
    await log.append('x', 3);
    await after();
    expect(taken).toEqual([1, 2, 3, 4]);
  });

  it('reports that the gap of the tail is not in the log any more', async () => {
    reader.follow();
    server.trim(2);
    await log.append('x', 3);
    await after();
    expect(cuts).toEqual([new LogCut(0, 3)]);
  });

  it('takes each commit once while the tail and two reads bring it', async () => {
    await reader.catchUp();
    reader.follow();
    const readAfter = log.readAfter.bind(log);
    jest.spyOn(log, 'readAfter').mockImplementationOnce(async (position) => {
      await log.append('x', 3);
      const commits = await readAfter(position);
      await after(5);
      return commits;
    });
    await Promise.all([reader.catchUp(), reader.catchUp()]);
    expect(taken).toEqual([1, 2, 3, 4]);
  });

  it('throws if the log is cut, or ends before the position', async () => {
    server.trim(3);
    await expect(reader.catchUpTo(3)).rejects.toThrow(LogCut);
    taken.push(7);
    await expect(reader.catchUpTo(8)).rejects.toThrow(LogShortened);
  });

  describe('when a cut-off leader may have answered', () => {
    const bounds = (last: number, mayBeBehind = true) => ({ first: 1, last, begins: 1, mayBeBehind });
    const answers = () => jest.spyOn(log, 'bounds');

    it('does not count an end before the position at once', async () => {
      answers().mockResolvedValueOnce(bounds(2)).mockResolvedValueOnce(bounds(1)).mockResolvedValueOnce(bounds(3));
      expect(await reader.boundsFrom(3)).toEqual(bounds(3));
    });

    it('throws if the end stays before the position for 30 seconds', async () => {
      const asked = answers().mockResolvedValue(bounds(2));
      const beganMs = time.nowMs();
      await expect(reader.boundsFrom(3)).rejects.toEqual(new LogShortened(3, 2));
      expect(time.nowMs() - beganMs).toBeGreaterThanOrEqual(30_000);
      expect(asked.mock.calls.length).toBeGreaterThan(10);
    });

    it('throws at once if the log has no other replica', async () => {
      const asked = answers().mockResolvedValue(bounds(2, false));
      await expect(reader.boundsFrom(3)).rejects.toThrow(LogShortened);
      expect(asked).toHaveBeenCalledTimes(1);
    });

    it('compares the end with the position from before the request', async () => {
      answers().mockImplementationOnce(async () => {
        taken.push(4);
        return bounds(3, false);
      });
      await expect(reader.catchUpTo(5)).resolves.toBeUndefined();
    });
  });

  it('ends a repeated request when the host stops', async () => {
    jest.spyOn(log, 'readAfter').mockRejectedValue(new Error('down'));
    const read = reader.catchUp();
    stop.abort();
    await expect(read).rejects.toThrow(Stopped);
  });
});
