import { JetplugError } from '../../../../sdk/internal';
import { decodeCommit } from '../../../../host/records/commits/commit';
import { after, closeHosts, openHost, Server, type TestHost } from './fake-host';

const unanswered = () => new JetplugError('JP_STORE_UNAVAILABLE', 'no answer');

describe('GroupCommit', () => {
  let server: Server;
  let host: TestHost;
  beforeEach(async () => (host = await openHost((server = new Server()))));
  afterEach(closeHosts);

  it('appends the same text under the same expectation after no answer', async () => {
    const append = jest.spyOn(host.fake, 'append').mockRejectedValueOnce(unanswered());
    expect(await host.run(1)).toBe('committed');
    expect(append.mock.calls[1]).toEqual(append.mock.calls[0]);
  });

  it('finds its own commit in the log whose answer was lost', async () => {
    server.shared.listeners.clear();
    const append = host.fake.append.bind(host.fake);
    jest.spyOn(host.fake, 'append').mockImplementationOnce(async (text, expected) => {
      await append(text, expected);
      throw unanswered();
    });
    expect(await host.run(1)).toBe('committed');
    expect(server.shared.last).toBe(1);
  });

  it('takes all runs that finish during an append into the next one', async () => {
    await Promise.all([1, 2, 3].map((sequence) => host.run(sequence, `k${sequence}`)));
    expect(server.shared.history.flatMap((text) => decodeCommit(text).runs.length)).toEqual([3]);
  });

  it('commits the runs of a refused commit in their order', async () => {
    const other = await openHost(server, 'other');
    server.shared.listeners.clear();
    await other.run(9, 'z');
    const runs = [host.run(1), after(1).then(() => host.run(2))];
    expect(await Promise.all(runs)).toEqual(['committed', 'committed']);
    expect(await host.log.get('a')).toBe('.1.2');
  });

  it('waits while the log is full', async () => {
    server.shared.isFull = true;
    const run = host.run(1);
    await after(500);
    server.shared.isFull = false;
    expect(await run).toBe('committed');
  });
});
