/** A run's store changes and published events are committed together, or not at all. */
import {
  BatchFailure,
  EventBus,
  Plugin,
  Reject,
  RetryLater,
  Store,
  Subscribe,
  type BatchContext,
  type EventContext,
} from 'jetplug/sdk';
import { Counted, onBoth, Placed, SOON } from '../support/conformance';

const calls: string[] = [];
beforeEach(() => void calls.splice(0));

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Fails as the user's name says, after all of its effects. */
@Plugin({ name: 'transfer' })
class TransferPlugin {
  private readonly log: Store<string>;
  constructor(
    private readonly amounts: Store<number>,
    private readonly events: EventBus,
  ) {
    this.log = amounts.scope<string>('log');
  }

  @Subscribe(Placed, { retry: { attempts: 2, backoff: ['30ms'] } })
  async take({ user, n }: Placed, { attempt }: EventContext): Promise<void> {
    calls.push(`${user}/${attempt}`);
    await this.amounts.update('from', (before = 100) => before - n);
    await this.amounts.update('to', (before = 0) => before + n);
    await this.amounts.delete('old');
    await this.log.update(`${n}`, () => user);
    await this.events.publish(Counted, { user, total: 1 });
    await this.events.publish(Counted, { user, total: 2 });
    if (user === 'fails once' && attempt === 1) throw new Error('once');
    if (user === 'fails') throw new Error('always');
    if (user === 'rejects') throw new Reject('never');
    if (user === 'postpones' && calls.length === 1) throw new RetryLater('50ms');
  }
}

onBoth('a run changes several keys and scopes and publishes several events, all of them or none', async (start) => {
  const host = await start([TransferPlugin]);
  const store = host.store<number>(TransferPlugin);
  await store.update('old', () => 1);
  await host.publish(Placed, { user: 'u1', n: 30 });
  await host.settled();
  expect(await Promise.all(['from', 'to', 'old'].map((key) => store.get(key)))).toEqual([70, 30, undefined]);
  expect(await store.scope<string>('log').get('30')).toBe('u1');
  expect(host.published(Counted).map(({ total }) => total)).toEqual([1, 2]);
});

for (const user of ['fails', 'rejects']) {
  onBoth(`a run that ${user} leaves nothing`, async (start) => {
    const host = await start([TransferPlugin]);
    await host.publish(Placed, { user, n: 30 });
    await host.settled();
    expect(host.deadLetters()).toHaveLength(1);
    expect(await host.store(TransferPlugin).keys()).toEqual([]);
    expect(await host.store(TransferPlugin).scope('log').keys()).toEqual([]);
    expect(host.published()).toEqual([]);
  });
}

for (const user of ['fails once', 'postpones']) {
  onBoth(`a run that ${user} leaves nothing, and its retry has its effects once`, async (start) => {
    const host = await start([TransferPlugin]);
    await host.publish(Placed, { user, n: 30 });
    await host.settled();
    expect(calls).toHaveLength(2);
    expect(await host.store(TransferPlugin).get('from')).toBe(70);
    expect(host.published(Counted)).toHaveLength(2);
  });
}

for (const moment of ['before-commit', 'after-commit', 'before-publish', 'before-ack'] as const) {
  onBoth(`a run whose host dies ${moment} has its effects once`, async (start) => {
    const host = await start([TransferPlugin], { config: SOON });
    host.crashAt(moment);
    await host.publish(Placed, { user: 'u1', n: 30 });
    await host.settled();
    expect(calls).toEqual(moment === 'before-commit' ? ['u1/1', 'u1/1'] : ['u1/1']);
    const store = host.store<number>(TransferPlugin);
    expect([await store.get('from'), await store.get('to')]).toEqual([70, 30]);
    const totals = host.published(Counted).map(({ total }) => total);
    expect(totals.sort()).toEqual([1, 2]);
  });
}

onBoth('a run reads its own changes, which others do not see before it is committed', async (start) => {
  const read: unknown[] = [];
  let proceed = (): void => undefined;
  @Plugin({ name: 'own-reads' })
  class OwnReadsPlugin {
    constructor(private readonly store: Store<number>) {}
    @Subscribe(Placed)
    async take(): Promise<void> {
      const scope = this.store.scope<number>('s');
      await this.store.update('a', () => 1);
      await this.store.update('a', (before = 0) => before + 1);
      await this.store.delete('b');
      await scope.update('c', () => 3);
      read.push(await this.store.get('a'), await this.store.get('b'), await scope.get('c'), await this.store.get('c'));
      read.push((await this.store.keys()).sort(), await scope.keys());
      await new Promise<void>((resolve) => (proceed = resolve));
    }
  }
  const host = await start([OwnReadsPlugin]);
  const store = host.store<number>(OwnReadsPlugin);
  await store.update('b', () => 5);
  await host.publish(Placed, { user: 'u1', n: 1 });
  while (read.length < 6) await turn();
  expect(await store.keys()).toEqual(['b']);
  expect(await store.get('a')).toBeUndefined();
  proceed();
  await host.settled();
  expect(read).toEqual([2, undefined, 3, undefined, ['a'], ['c']]);
  expect(await store.keys()).toEqual(['a']);
});

onBoth('a retry sees the present state, not that of the failed run', async (start) => {
  const seen: unknown[] = [];
  @Plugin({ name: 'present' })
  class PresentPlugin {
    constructor(private readonly store: Store<number>) {}
    @Subscribe(Placed, { retry: { backoff: ['60ms'] } })
    async take({ n }: Placed, { attempt }: EventContext): Promise<void> {
      const total = await this.store.update('total', (before = 0) => before + n);
      if (n === 5) seen.push(total);
      if (n === 5 && attempt === 1) throw new Error('once');
    }
  }
  const host = await start([PresentPlugin]);
  await host.publish(Placed, { user: 'u1', n: 5 });
  while (seen.length === 0) await turn();
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(seen).toEqual([5, 7]);
  expect(await host.store(PresentPlugin).get('total')).toBe(7);
});

onBoth('of two runs on one key both count: the later one to commit runs again', async (start) => {
  let together = 0;
  @Plugin({ name: 'contended' })
  class ContendedPlugin {
    constructor(
      private readonly store: Store<number>,
      private readonly events: EventBus,
    ) {}
    @Subscribe(Placed, { concurrency: 4 })
    async take({ user, n }: Placed): Promise<void> {
      calls.push(`${n}`);
      const total = await this.store.update('all', (before = 0) => before + n);
      if (++together <= 4) while (together < 4) await turn();
      await this.events.publish(Counted, { user, total });
    }
  }
  const host = await start([ContendedPlugin]);
  for (const n of [1, 10, 100, 1000]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  expect(await host.store(ContendedPlugin).get('all')).toBe(1111);
  expect(calls.length).toBeGreaterThan(4);
  expect(host.published(Counted)).toHaveLength(4);
  expect(Math.max(...host.published(Counted).map(({ total }) => total))).toBe(1111);
});

onBoth('a key that a run only reads is checked when the run is committed', async (start) => {
  const limits: unknown[] = [];
  @Plugin({ name: 'limited' })
  class LimitedPlugin {
    constructor(private readonly store: Store<number>) {}
    @Subscribe(Placed)
    async take(): Promise<void> {
      const limit = await this.store.get('limit');
      limits.push(limit);
      while (limits.length === 1 && limit === 1) await turn();
      await this.store.update('used', () => limit!);
    }
  }
  const host = await start([LimitedPlugin]);
  const store = host.store<number>(LimitedPlugin);
  await store.update('limit', () => 1);
  await host.publish(Placed, { user: 'u1', n: 1 });
  while (limits.length === 0) await turn();
  await store.update('limit', () => 2);
  limits.push('changed');
  await host.settled();
  expect(limits).toEqual([1, 'changed', 2]);
  expect(await store.get('used')).toBe(2);
});

onBoth('an error that comes from values that have changed is not a failure', async (start) => {
  @Plugin({ name: 'mixed' })
  class MixedPlugin {
    constructor(private readonly store: Store<number>) {}
    @Subscribe(Placed, { retry: { attempts: 1 } })
    async take(): Promise<void> {
      const first = (await this.store.get('first')) ?? 0;
      calls.push(`${first}`);
      while (calls.length === 1) await turn();
      if (first !== ((await this.store.get('second')) ?? 0)) throw new Error('the values do not fit together');
    }
  }
  const host = await start([MixedPlugin]);
  const store = host.store<number>(MixedPlugin);
  await host.publish(Placed, { user: 'u1', n: 1 });
  while (calls.length === 0) await turn();
  for (const key of ['first', 'second']) await store.update(key, () => 1);
  calls.push('changed');
  await host.settled();
  expect(calls).toEqual(['0', 'changed', '1']);
  expect(host.deadLetters()).toEqual([]);
});

describe('a batch of which some events fail', () => {
  const batches: string[] = [];
  beforeEach(() => void batches.splice(0));

  @Plugin({ name: 'partial' })
  class PartialPlugin {
    constructor(private readonly store: Store<number>) {}
    @Subscribe(Placed, { batch: { size: 3, wait: '1s' }, retry: { attempts: 2, backoff: ['30ms'] } })
    async take(events: Placed[], _context: BatchContext): Promise<void> {
      batches.push(events.map(({ n }) => n).join(' '));
      for (const event of events) {
        await this.store.update(event.user, (before = 0) => before + Math.abs(event.n), { for: event });
      }
      const failures = events.flatMap(({ n }, index) => (n < 0 ? [{ index, error: new Error('negative') }] : []));
      if (failures.length > 0) throw new BatchFailure(failures);
    }
  }

  onBoth('commits those that are independent of the failed ones', async (start) => {
    const host = await start([PartialPlugin]);
    for (const [user, n] of [
      ['u1', 1],
      ['u2', -2],
      ['u3', 3],
    ] as const)
      await host.publish(Placed, { user, n });
    await host.settled();
    expect(batches).toEqual(['1 -2 3', '-2']);
    expect((await host.store(PartialPlugin).keys()).sort()).toEqual(['u1', 'u3']);
    expect(host.deadLetters()).toMatchObject([{ sequence: 2 }]);
  });

  onBoth('runs those that use the same keys again, without the failed ones', async (start) => {
    const host = await start([PartialPlugin]);
    for (const n of [1, -2, 3]) await host.publish(Placed, { user: 'u1', n });
    await host.settled();
    expect(batches[0]).toBe('1 -2 3');
    expect(batches).toContain('1 3');
    expect(await host.store(PartialPlugin).get('u1')).toBe(4);
    expect(host.deadLetters()).toMatchObject([{ sequence: 2, attempts: 2 }]);
  });
});
