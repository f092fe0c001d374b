import { CheckpointStore } from '../../../../host/records/commits/checkpoint';
import type { RunChanges } from '../../../../host/records/commits/commit';
import { Transaction } from '../../../../host/records/commits/transaction';
import { after, changesOf, closeHosts, eventOf, openHost, Server, type TestHost } from './fake-host';

const emit = { id: 'e', subject: 's', payload: '{}', headers: {} };
/** The time between two looks for lost notes. */
const LOOK_MS = 30_000;

describe('work that is done, and whose note is lost', () => {
  let server: Server;
  let host: TestHost;
  beforeEach(async () => {
    server = new Server();
    host = await openHost(server);
  });
  afterEach(closeHosts);

  const commit = async (sequence: number, more: Partial<RunChanges>, of = host): Promise<void> => {
    await of.log.transactions.finish(new Transaction(), [changesOf(sequence, new Transaction(), more)]);
    await after();
  };
  /** Lets each host look for lost notes twice: at the second look, all commits from before the first are old. */
  const lookTwice = async (...hosts: TestHost[]): Promise<void> => {
    for (let left = 2; left > 0; left--) {
      for (const { time } of hosts) time.skip(LOOK_MS);
      await after(350);
    }
  };
  const owed = ({ log: { folded } }: TestHost): number[] => [
    folded.unsent.size,
    folded.left.size,
    folded.parts.entries.length,
  ];

  it('is forgotten once the server delivers the event no more, by all hosts and in the checkpoint', async () => {
    const other = await openHost(server, 'other');
    await commit(1, { emits: [emit] });
    await commit(2, { left: { to: 'dead-letter' } });
    await commit(3, { hasWork: true, passed: 0, reads: new Map([['a', 'text']]) });
    expect([owed(host), owed(other)]).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
    host.settled.floor = 3;
    await lookTwice(host);
    expect([owed(host), owed(other)]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    await after(600);
    const checkpoint = await new CheckpointStore(server.bucket).read();
    expect(checkpoint).toMatchObject({ filled: 4, parts: { unsent: [], left: [], parts: [] } });
  });

  it('is forgotten by the next host, if it is in the checkpoint only', async () => {
    await commit(1, { emits: [emit] });
    await host.close();
    server.trim(1);
    const next = await openHost(server, 'next');
    expect(owed(next)).toEqual([1, 0, 0]);
    next.settled.floor = 1;
    await lookTwice(next);
    expect(owed(next)).toEqual([0, 0, 0]);
  });

  it('stays while the server may deliver the event again', async () => {
    await commit(2, { emits: [emit] });
    host.settled.floor = 1;
    await lookTwice(host);
    expect(host.log.sent.unsentOf(eventOf(2))).toEqual([emit]);
  });

  it('stays if its event is not settled', async () => {
    await commit(1, { part: 1, passed: 0, emits: [emit] });
    host.settled.floor = 1;
    await lookTwice(host);
    expect(owed(host)).toEqual([1, 0, 1]);
  });

  it('is not looked for while its note may still come', async () => {
    const asked = jest.spyOn(host.settled, 'ackFloor');
    host.settled.floor = 1;
    await lookTwice(host);
    await commit(1, { emits: [emit] });
    host.time.skip(LOOK_MS);
    await after();
    expect(asked).not.toHaveBeenCalled();
  });
});
