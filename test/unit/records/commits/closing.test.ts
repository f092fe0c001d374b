import { decodeCommit } from '../../../../host/records/commits/commit';
import { Transaction } from '../../../../host/records/commits/transaction';
import { JetplugError } from '../../../../sdk/internal';
import { after, changesOf, closeHosts, eventOf, openHost, Server, type TestHost } from './fake-host';

const emit = { id: 'e', subject: 's', payload: '{}', headers: {} };

describe('a log that is closed', () => {
  let server: Server;
  let host: TestHost;
  beforeEach(async () => {
    server = new Server();
    host = await openHost(server);
  });
  afterEach(closeHosts);

  /** Has every append fail from now on, without effect. */
  const refuseAppends = (): void => {
    jest.spyOn(host.fake, 'append').mockRejectedValue(new JetplugError('JP_STORE_UNAVAILABLE', 'no answer'));
  };
  const publish = async (sequence: number): Promise<void> => {
    const changes = changesOf(sequence, new Transaction(), { emits: [emit] });
    await host.log.transactions.finish(new Transaction(), [changes]);
  };

  it('commits the notes of sent emits that wait for a commit', async () => {
    await publish(1);
    host.log.sent.note(eventOf(1));
    await host.close();
    expect(server.shared.history.map((text) => decodeCommit(text).sent)).toEqual([[], [[expect.any(String), 1]]]);
    const next = await openHost(server, 'next');
    expect(next.log.sent.unsentOf(eventOf(1))).toEqual([]);
  });

  it('commits the notes of done after-commit work that wait for a commit', async () => {
    const changes = changesOf(1, new Transaction(), { hasWork: true, passed: 0, reads: new Map() });
    await host.log.transactions.finish(new Transaction(), [changes]);
    host.log.worked.note(eventOf(1));
    await host.close();
    const next = await openHost(server, 'next');
    expect(next.log.folded.parts.isEmpty).toBe(true);
  });

  it('commits more notes than one commit holds', async () => {
    await Promise.all(Array.from({ length: 2_500 }, (_, i) => publish(i + 1)));
    for (let sequence = 1; sequence <= 2_500; sequence++) host.log.sent.note(eventOf(sequence));
    await host.close();
    expect(server.shared.history.flatMap((text) => decodeCommit(text).sent)).toHaveLength(2_500);
  });

  it('commits notes whose commit another host has forestalled', async () => {
    await publish(1);
    host.log.sent.note(eventOf(1));
    const other = await openHost(server, 'other');
    server.shared.listeners.clear();
    await other.run(2);
    await host.close();
    expect(decodeCommit(server.shared.history.at(-1)!).sent).toHaveLength(1);
  });

  it('ends without the notes if the server does not answer', async () => {
    await publish(1);
    host.log.sent.note(eventOf(1));
    refuseAppends();
    await host.close();
    expect(server.shared.last).toBe(1);
  });

  it('commits a run that has finished', async () => {
    const running = host.run(1);
    await after(1);
    await host.close();
    expect(await running).toBe('committed');
  });

  it('releases runs that cannot be committed', async () => {
    refuseAppends();
    const running = [host.run(1), host.run(2, 'b')];
    await after(5);
    await host.close();
    expect(await Promise.all(running)).toEqual(['released', 'released']);
  });

  it('releases runs that finish later', async () => {
    await host.close();
    expect(await host.run(1)).toBe('released');
  });

  it('ends a released run once, though the server answers later', async () => {
    let answer!: (position: number) => void;
    const answered = new Promise<number>((resolve) => (answer = resolve));
    const append = jest.spyOn(host.fake, 'append').mockReturnValue(answered);
    const waiter = { resolve: jest.fn(), reject: jest.fn() };
    const changes = changesOf(1, new Transaction());
    expect(host.log.transactions.finishFor(new Transaction(), [changes], waiter)).toBeUndefined();
    while (append.mock.calls.length === 0) await after(1);
    await host.close();
    answer(1);
    await after();
    expect(waiter.resolve.mock.calls).toEqual([['released']]);
  });

  it('rejects a change from outside of a run that is not known to be committed', async () => {
    refuseAppends();
    const changing = host.log.transactions.change('a', () => '1', { handler: 'code', timeMs: 1 });
    const failed = expect(changing).rejects.toMatchObject({ code: 'JP_STORE_UNAVAILABLE' });
    await after(5);
    await host.close();
    await failed;
  });
});
