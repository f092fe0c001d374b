import { Claims } from '../../../../host/records/commits/claims';
import { decodeCommit, encodeCommit, type Commit } from '../../../../host/records/commits/commit';
import { Transaction } from '../../../../host/records/commits/transaction';
import { after, changesOf, closeHosts, eventOf, openHost, Server } from './fake-host';
import { DURABLE } from './model-events';

const commitOf = (host: string, claimed: readonly string[]): Commit => ({
  ...{ host, number: 1, runs: [], sent: [], adopted: new Map() },
  claimed,
});

const always = (): boolean => true;

describe('Claims', () => {
  it('fences the events of a handler that another host has claimed last', () => {
    const claims = new Claims('own');
    const event = { event: eventOf(1) };
    expect(claims.isFenced(event)).toBe(false);
    expect(claims.fold(commitOf('other', [DURABLE]))).toEqual([DURABLE]);
    expect([claims.isFenced(event), claims.has(DURABLE)]).toEqual([true, false]);
    expect(claims.isFenced({})).toBe(false);
    expect(claims.fold(commitOf('own', [DURABLE]))).toEqual([]);
    expect([claims.isFenced(event), claims.has(DURABLE)]).toEqual([false, true]);
  });

  it('takes each claim for one commit, and again if that commit is refused', () => {
    const claims = new Claims('own');
    claims.want('a', always);
    expect(claims.take()).toEqual(['a']);
    expect(claims.take()).toEqual([]);
    claims.putBack(commitOf('own', ['a']));
    expect(claims.take()).toEqual(['a']);
  });

  it('is dropped when a commit is tried again and the host may not claim the handler any more', () => {
    const claims = new Claims('own');
    let mayClaim = true;
    claims.want('a', () => mayClaim);
    claims.putBack(commitOf('own', claims.take()));
    mayClaim = false;
    expect(claims.take()).toEqual([]);
    mayClaim = true;
    expect(claims.take()).toEqual([]);
  });

  it('ends for all hosts by a commit of a host whose handler has no key', () => {
    const [own, other] = [new Claims('own'), new Claims('other')];
    own.free(DURABLE);
    expect(own.take()).toEqual([]);
    for (const claims of [own, other]) claims.fold(commitOf('other', [DURABLE]));
    own.free(DURABLE);
    const freed = decodeCommit(encodeCommit(commitOf('own', own.take())));
    expect([own.fold(freed), other.fold(freed)]).toEqual([[], [`!${DURABLE}`]]);
    expect([own.isFenced({ event: eventOf(1) }), own.entries, other.entries]).toEqual([false, [], []]);
  });

  it('is part of a commit', () => {
    const commit = commitOf('own', ['a', 'b']);
    expect(decodeCommit(encodeCommit(commit))).toEqual(commit);
  });
});

describe('PluginLog.claim', () => {
  let server: Server;
  beforeEach(() => (server = new Server()));
  afterEach(closeHosts);

  it('lets a host that was frozen commit no run of the handler', async () => {
    const [frozen, next] = [await openHost(server, 'frozen'), await openHost(server, 'next')];
    expect(await frozen.log.claim(DURABLE, always)).toBe(true);
    expect(await frozen.run(1)).toBe('committed');
    server.shared.listeners.clear();
    expect(await next.log.claim(DURABLE, always)).toBe(true);
    expect(next.settled.has(1)).toBe(true);
    expect(await frozen.run(3)).toBe('released');
    expect(await next.run(2)).toBe('committed');
    expect(await next.run(3)).toBe('committed');
    expect(await next.log.get('a')).toBe('.1.2.3');
  });

  it('releases a run that waits for its commit, and the runs that have read its changes start again', async () => {
    const [frozen, next] = [await openHost(server, 'frozen'), await openHost(server, 'next')];
    await frozen.log.claim(DURABLE, always);
    server.shared.listeners.clear();
    await next.log.claim(DURABLE, always);
    const first = frozen.run(1);
    const reader = new Transaction();
    await frozen.log.transactions.read(reader, 'a');
    frozen.log.transactions.write(reader, 'b', 'read');
    const ofOther = { ...changesOf(9, reader), event: { ...eventOf(9), durable: 'p-other' } };
    const second = frozen.log.transactions.finish(reader, [ofOther]);
    expect([await first, await second]).toEqual(['released', 'conflict']);
  });

  it('reports to the handler of the former host, once, that another host has claimed it', async () => {
    const [one, other] = [await openHost(server, 'one'), await openHost(server, 'other')];
    const reports: string[] = [];
    Object.assign(one.settled, { claimedElsewhere: () => reports.push('one') });
    Object.assign(other.settled, { claimedElsewhere: () => reports.push('other') });
    await one.log.claim(DURABLE, always);
    await other.log.claim(DURABLE, always);
    await other.log.claim(DURABLE, always);
    await after();
    expect(reports).toEqual(['other', 'one']);
    expect(server.shared.last).toBe(2);
  });

  it('ends when a host runs a version in which the handler has no key', async () => {
    const [keyed, shared] = [await openHost(server, 'keyed'), await openHost(server, 'shared')];
    await keyed.log.claim(DURABLE, always);
    await after();
    expect(await shared.run(1)).toBe('released');
    shared.log.folded.claims.free(DURABLE);
    await after();
    expect(await shared.run(1)).toBe('committed');
    expect(await keyed.run(2)).toBe('committed');
  });

  it('is in the checkpoint, so that a host which was cut off from the log finds it', async () => {
    const [frozen, next] = [await openHost(server, 'frozen'), await openHost(server, 'next')];
    await frozen.log.claim(DURABLE, always);
    await frozen.run(1);
    server.shared.listeners.clear();
    await next.log.claim(DURABLE, always);
    await next.run(2);
    await next.log.fillBucket();
    server.trim(3);
    expect(await frozen.run(3)).toBe('released');
    expect(frozen.halts).toEqual([]);
  });
});
