import { decodeCommit } from '../../../../host/records/commits/commit';
import { Transaction } from '../../../../host/records/commits/transaction';
import { after, changesOf, closeHosts, openHost, Server, type TestHost } from './fake-host';

describe('CommitReceiver', () => {
  let server: Server;
  let one: TestHost;
  let other: TestHost;
  beforeEach(async () => {
    server = new Server();
    [one, other] = [await openHost(server, 'one'), await openHost(server, 'other')];
  });
  afterEach(closeHosts);

  it('drops a waiting run whose event another host settles', async () => {
    server.shared.isFull = true;
    const waiting = one.run(1, 'a');
    await after(5);
    server.shared.isFull = false;
    expect(await other.run(1, 'b')).toBe('committed');
    expect(await waiting).toBe('settled');
    expect([await one.log.get('a'), await one.log.get('b')]).toEqual([null, '.1']);
  });

  it('starts waiting runs again that depend on a key that another host changes', async () => {
    server.shared.isFull = true;
    const waiting = [one.run(1, 'a'), one.run(2, 'a'), one.run(3, 'c')];
    await after(5);
    server.shared.isFull = false;
    await other.run(9, 'a');
    expect(await Promise.all(waiting)).toEqual(['conflict', 'conflict', 'committed']);
  });

  it('starts runs again that have read a change of a dropped run', async () => {
    server.shared.isFull = true;
    const waiting = [one.run(1, 'a'), one.run(2, 'a')];
    await after(5);
    server.shared.isFull = false;
    await other.run(1, 'b');
    expect(await Promise.all(waiting)).toEqual(['settled', 'conflict']);
  });

  it('notes sent emits again whose commit is refused', async () => {
    const emits = [{ id: 'x', subject: 's', payload: '{}', headers: {} }];
    const event = changesOf(1, new Transaction(), { emits });
    await one.log.transactions.finish(new Transaction(), [event]);
    one.log.sent.note(event.event!);
    server.shared.listeners.clear();
    await other.run(2);
    await one.run(3, 'b');
    expect(decodeCommit(server.shared.history.at(-1)!).sent).toHaveLength(1);
  });
});
