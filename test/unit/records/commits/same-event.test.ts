import { Transaction } from '../../../../host/records/commits/transaction';
import { JetplugError } from '../../../../sdk/internal';
import { after, changesOf, closeHosts, openHost, Server, type TestHost } from './fake-host';

describe('an event that is delivered again while its run waits for the commit', () => {
  let server: Server;
  let host: TestHost;
  let isDown: boolean;
  beforeEach(async () => {
    [server, isDown] = [new Server(), true];
    host = await openHost(server);
    const append = host.fake.append.bind(host.fake);
    jest.spyOn(host.fake, 'append').mockImplementation((text, expected) => {
      if (isDown) return Promise.reject(new JetplugError('JP_STORE_UNAVAILABLE', 'no answer'));
      return append(text, expected);
    });
  });
  afterEach(closeHosts);

  it('is committed once', async () => {
    const [first, second] = [host.run(1), host.run(1)];
    await after(5);
    // One that comes while the append is in flight.
    const third = host.run(1);
    await after(5);
    isDown = false;
    expect(await Promise.all([first, second, third])).toEqual(['committed', 'settled', 'settled']);
    expect(await host.log.get('a')).toBe('.1');
  });

  it('runs again if the first run must', async () => {
    const first = host.run(1);
    await after(5);
    const second = host.run(1);
    // Another host changes the key.
    const other = await openHost(server, 'other');
    await other.run(2);
    expect(await Promise.all([first, second])).toEqual(['conflict', 'conflict']);
    isDown = false;
    expect(await host.run(1)).toBe('committed');
    expect(await host.log.get('a')).toBe('.2.1');
  });

  it('is committed once too if its first run is an early commit point', async () => {
    const part = changesOf(1, new Transaction(), { part: 1, passed: 0, reads: new Map() });
    const first = host.log.transactions.finish(new Transaction(), [part]);
    const second = host.log.transactions.finish(new Transaction(), [part]);
    await after(5);
    isDown = false;
    expect([await first, await second]).toEqual(['committed', 'conflict']);
    expect(server.shared.history.join().match(/"p":1/g)).toHaveLength(1);
  });
});

describe('a change from outside of a run', () => {
  afterEach(closeHosts);

  it('is not made twice when the log is cut at the place of its commit', async () => {
    const server = new Server();
    const [host, other] = [await openHost(server, 'host'), await openHost(server, 'other')];
    server.shared.listeners.clear();
    const append = host.fake.append.bind(host.fake);
    // The commit arrives, and its answer does not. Another host commits behind it, and the log is trimmed.
    jest.spyOn(host.fake, 'append').mockImplementationOnce(async (text, expected) => {
      await append(text, expected);
      await other.log.refresh();
      await other.run(2, 'b');
      while ((await filledTo()) < 2) await after(1);
      server.trim(2);
      throw new JetplugError('JP_STORE_UNAVAILABLE', 'no answer');
    });
    const filledTo = async (): Promise<number> => {
      const text = server.bucket.entries.get('=checkpoint')?.value ?? '{"n":0}';
      return (JSON.parse(text) as { n: number }).n;
    };
    const change = host.log.transactions.change('a', (text) => `${text ?? ''}+1`, { handler: 'code', timeMs: 1 });
    await expect(change).rejects.toMatchObject({ code: 'JP_STORE_UNAVAILABLE' });
    expect(await host.log.get('a')).toBe('+1');
  });
});
