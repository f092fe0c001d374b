import { UnfilledTexts } from '../../../../host/records/commits/unfilled-texts';
import { JetplugError } from '../../../../sdk/internal';
import { after, closeHosts, openHost, Server, type TestHost } from './fake-host';

const MANY_BYTES = 200 * 1024 * 1024;

describe('a bucket that takes no texts', () => {
  let server: Server;
  let host: TestHost;
  let refuse: jest.SpyInstance;
  beforeEach(async () => {
    server = new Server();
    host = await openHost(server);
    refuse = jest.spyOn(server.bucket, 'put').mockRejectedValue(new JetplugError('JP_STORE_UNAVAILABLE', 'no answer'));
    await host.run(1);
  });
  afterEach(closeHosts);

  /** Counts the texts that the bucket lacks as if they were much longer. */
  const lengthen = (bytes: number): void => void (host.log.folded.unfilled.bytes += bytes);

  it('lets runs wait once too many texts are missing, says so, and takes the runs up when it has them', async () => {
    lengthen(MANY_BYTES);
    let result: string | undefined;
    const running = host.run(2).then((one) => (result = one));
    await after(2_000);
    expect([result, server.shared.last]).toEqual([undefined, 1]);
    expect(host.log.problem).toBe('the bucket is too far behind the commit log, and runs wait');
    refuse.mockRestore();
    // The next fill finds the bucket up to date.
    lengthen(-MANY_BYTES);
    expect(await running).toBe('committed');
    expect(host.log.problem).toBeUndefined();
  });

  it('names its size limit if that is the reason', async () => {
    refuse.mockRejectedValue(new JetplugError('JP_STORE_FULL', 'full'));
    lengthen(MANY_BYTES);
    await after(2_000);
    expect(host.log.problem).toBe('the bucket is full (store.maxBytes), so it is behind the commit log, and runs wait');
  });

  it('still gets a value of another program taken up, without which it would stay behind', async () => {
    lengthen(MANY_BYTES);
    refuse.mockRestore();
    await server.bucket.put('a', 'foreign');
    const running = host.run(2);
    while (server.bucket.entries.get('a')?.position !== 2) await after(1);
    lengthen(-MANY_BYTES);
    expect(await running).toBe('conflict');
    expect(await host.log.get('a')).toBe('foreign');
  });
});

describe('UnfilledTexts', () => {
  it('counts what the texts take, also when they are replaced or removed', () => {
    const texts = new UnfilledTexts();
    const set = (key: string, text: string | null) => texts.set(key, { text, position: 1, sinceMs: 0 });
    set('a', 'x'.repeat(1_000));
    const one = texts.bytes;
    set('b', 'x'.repeat(1_000));
    expect([one > 1_000, texts.bytes]).toEqual([true, 2 * one]);
    set('a', null);
    expect(texts.bytes).toBe(2 * one - 1_000);
    texts.delete('b');
    texts.delete('b');
    expect(texts.bytes).toBe(one - 1_000);
    texts.clear();
    expect(texts.bytes).toBe(0);
  });
});
