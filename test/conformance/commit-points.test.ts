/** Early commits within a run, by `store.commit()`. */
import { EventBus, Plugin, RetryLater, Store, Subscribe, type BatchContext, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { defineEvent } from '../../sdk';
import { Counted, onBoth, Placed, SOON } from '../support/conformance';

const seen: string[] = [];
/** Called at the named place of the handler. */
let at: (place: 'before' | 'first' | 'second' | 'end', attempt: number) => unknown = () => undefined;
beforeEach(() => {
  seen.splice(0);
  at = () => undefined;
});

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Two parts with a commit point after each, and a rest. Each part counts, and publishes what it has counted. */
@Plugin({ name: 'steps' })
class StepsPlugin {
  constructor(
    private readonly totals: Store<number>,
    private readonly events: EventBus,
  ) {}

  @Subscribe(Placed, { retry: { attempts: 3, backoff: ['30ms'] }, concurrency: 4 })
  async take({ user, n }: Placed, { attempt }: EventContext): Promise<void> {
    for (const [key, place] of [
      ['a', 'first'],
      ['b', 'second'],
    ] as const) {
      const total = await this.totals.update(key, (before = 0) => before + n);
      seen.push(`${n}: ${key} is ${total}`);
      await this.events.publish(Counted, { user: `${user} ${key}`, total });
      await at('before', attempt);
      await this.totals.commit();
      await at(place, attempt);
    }
    const total = await this.totals.update('c', (before = 0) => before + n);
    await this.events.publish(Counted, { user: `${user} c`, total });
    await at('end', attempt);
  }
}

const counts = (store: Store<number>) => Promise.all(['a', 'b', 'c'].map((key) => store.get(key)));
const published = (events: readonly { user: string; total: number }[]) =>
  events.map(({ user, total }) => `${user} ${total}`).sort();

onBoth('what is committed early is visible before the handler returns, and its events are sent', async (start) => {
  const host = await start([StepsPlugin]);
  const store = host.store<number>(StepsPlugin);
  const visible: unknown[] = [];
  at = async (place) => {
    if (place === 'first') visible.push(await counts(store), published(host.published(Counted)));
  };
  await host.publish(Placed, { user: 'u', n: 1 });
  await host.settled();
  expect(visible).toEqual([[1, undefined, undefined], ['u a 1']]);
  expect(await counts(store)).toEqual([1, 1, 1]);
  expect(published(host.published(Counted))).toEqual(['u a 1', 'u b 1', 'u c 1']);
});

for (const place of ['first', 'second', 'end'] as const) {
  onBoth(
    `a run that fails after a commit point (${place}) keeps what it committed, and applies it once`,
    async (start) => {
      const host = await start([StepsPlugin]);
      const store = host.store<number>(StepsPlugin);
      at = async (where, attempt) => {
        if (where !== place || attempt > 2) return;
        // Another run changes the key meanwhile. The repeated part still sees what it saw at first.
        await store.update('a', (before = 0) => before + 100);
        throw new Error('not now');
      };
      await host.publish(Placed, { user: 'u', n: 1 });
      await host.settled();
      expect(await counts(store)).toEqual([201, 1, 1]);
      expect(seen.filter((line) => line.includes('a'))).toEqual(['1: a is 1', '1: a is 1', '1: a is 1']);
      expect(published(host.published(Counted))).toEqual(['u a 1', 'u b 1', 'u c 1']);
    },
  );
}

for (const moment of ['before-commit', 'after-commit', 'before-publish', 'before-ack'] as const) {
  onBoth(`each part is applied once when the host dies ${moment}`, async (start) => {
    const host = await start([StepsPlugin], { config: SOON });
    host.crashAt(moment);
    await host.publish(Placed, { user: 'u', n: 1 });
    await host.publish(Placed, { user: 'v', n: 10 });
    await host.settled();
    expect(await counts(host.store<number>(StepsPlugin))).toEqual([11, 11, 11]);
    expect(host.published(Counted)).toHaveLength(6);
  });
}

onBoth('each part is applied once when the host dies between its parts', async (start) => {
  const host = await start([StepsPlugin], { config: SOON });
  const store = host.store<number>(StepsPlugin);
  let waits = true;
  at = (place) => (place === 'second' && waits ? new Promise(() => undefined) : undefined);
  await host.publish(Placed, { user: 'u', n: 1 });
  while ((await store.get('b')) !== 1) await turn();
  waits = false;
  await host.crash();
  await host.settled();
  expect(await counts(store)).toEqual([1, 1, 1]);
  expect(published(host.published(Counted))).toEqual(['u a 1', 'u b 1', 'u c 1']);
});

onBoth('runs that wait at a commit point do not hide each other’s changes', async (start) => {
  const host = await start([StepsPlugin]);
  let waiting = 0;
  at = async (place) => {
    if (place !== 'before' || waiting >= 4) return;
    waiting++;
    while (waiting < 4) await turn();
  };
  for (const n of [1, 10, 100, 1000]) await host.publish(Placed, { user: 'u', n });
  await host.settled();
  expect(await counts(host.store<number>(StepsPlugin))).toEqual([1111, 1111, 1111]);
  expect(host.published(Counted)).toHaveLength(12);
});

onBoth('an event with a committed part that is postponed applies the part once', async (start) => {
  const host = await start([StepsPlugin]);
  let first = true;
  at = (place) => {
    if (place !== 'end' || !first) return;
    first = false;
    throw new RetryLater('100ms');
  };
  await host.publish(Placed, { user: 'u', n: 1 });
  await host.settled();
  expect(await counts(host.store<number>(StepsPlugin))).toEqual([1, 1, 1]);
});

onBoth('after-commit work is done once the last part is committed, with the values of all parts', async (start) => {
  const mails: string[] = [];
  const atCommit: number[] = [];
  let fails = true;
  @Plugin({ name: 'steps-mail' })
  class StepsMailPlugin {
    constructor(private readonly totals: Store<number>) {}
    @Subscribe(Placed, { retry: { backoff: ['30ms'] } })
    async take({ n }: Placed, context: EventContext): Promise<void> {
      const a = await this.totals.update('a', (before = 0) => before + n);
      context.afterCommit(() => mails.push(`a ${a}`));
      await this.totals.commit();
      atCommit.push(mails.length);
      const b = await this.totals.update('b', (before = 0) => before + a);
      context.afterCommit(() => {
        if (fails) {
          fails = false;
          throw new Error('not now');
        }
        mails.push(`b ${b}`);
      });
    }
  }
  const host = await start([StepsMailPlugin]);
  await host.publish(Placed, { user: 'u', n: 2 });
  await host.settled();
  expect(mails).toEqual(['a 2', 'a 2', 'b 2']);
  expect(atCommit[0]).toBe(0);
  const store = host.store<number>(StepsMailPlugin);
  expect([await store.get('a'), await store.get('b')]).toEqual([2, 2]);
});

onBoth('a handler that does not await its commit, or commits nothing, has its effects once', async (start) => {
  @Plugin({ name: 'hasty' })
  class HastyPlugin {
    constructor(private readonly totals: Store<number>) {}
    @Subscribe(Placed, { retry: { backoff: ['30ms'] } })
    async take({ n }: Placed, { attempt }: EventContext): Promise<void> {
      await this.totals.commit();
      await this.totals.update('a', (before = 0) => before + n);
      void this.totals.commit();
      await this.totals.update('b', (before = 0) => before + n);
      if (attempt === 1) throw new Error('once');
    }
  }
  const host = await start([HastyPlugin]);
  await host.publish(Placed, { user: 'u', n: 2 });
  await host.settled();
  const store = host.store<number>(HastyPlugin);
  expect([await store.get('a'), await store.get('b')]).toEqual([2, 2]);
});

const Checked = defineEvent(
  'orders.checked',
  z.object({ n: z.number() }).refine(() => turn().then(() => true)),
);

onBoth('what a handler starts around a commit that it does not await stays on its side in each run', async (start) => {
  @Plugin({ name: 'hurried' })
  class HurriedPlugin {
    constructor(
      private readonly totals: Store<number>,
      private readonly events: EventBus,
    ) {}
    @Subscribe(Placed, { retry: { attempts: 4, backoff: ['30ms'] } })
    async take({ n }: Placed, { attempt }: EventContext): Promise<void> {
      const add = (key: string) => this.totals.update(key, (before = 0) => before + n);
      const work = [
        add('before'),
        add('before'),
        this.events.publish(Checked, { n: 1 }),
        this.events.publish(Counted, { user: 'before', total: 1 }),
        this.totals.commit(),
        add('between'),
        this.events.publish(Counted, { user: 'between', total: 1 }),
        this.totals.commit(),
        add('after'),
        add('before'),
        this.events.publish(Checked, { n: 2 }),
        this.events.publish(Counted, { user: 'after', total: 1 }),
      ];
      for (const one of work) one.catch(() => 'the run ends before it');
      if (attempt < 3) await Promise.all(work.slice(0, attempt === 1 ? 5 : 8));
      else await Promise.all(work);
      if (attempt < 4) throw new Error('not now');
    }
  }
  const host = await start([HurriedPlugin]);
  await host.publish(Placed, { user: 'u', n: 1 });
  await host.settled();
  const store = host.store<number>(HurriedPlugin);
  expect(await Promise.all(['before', 'between', 'after'].map((key) => store.get(key)))).toEqual([3, 1, 1]);
  expect(host.published(Checked).map(({ n }) => n)).toEqual([1, 2]);
  expect(host.published(Counted).map(({ user }) => user)).toEqual(['before', 'between', 'after']);
});

onBoth(
  'a run that does not come to a committed point again fails, because its changes could be applied twice',
  async (start) => {
    @Plugin({ name: 'turncoat' })
    class TurncoatPlugin {
      constructor(private readonly totals: Store<number>) {}
      @Subscribe(Placed, { retry: { attempts: 2, backoff: ['30ms'] } })
      async take({ n }: Placed, { attempt }: EventContext): Promise<void> {
        await this.totals.update('a', (before = 0) => before + n);
        if (attempt === 1) await this.totals.commit();
        if (attempt === 1) throw new Error('once');
      }
    }
    const host = await start([TurncoatPlugin]);
    await host.publish(Placed, { user: 'u', n: 2 });
    await host.settled();
    expect(await host.store(TurncoatPlugin).get('a')).toBe(2);
    expect(host.deadLetters()).toMatchObject([{ error: expect.stringContaining('1 calls of Store.commit') }]);
  },
);

onBoth('a handler of batches cannot commit early, and outside of a handler a commit does nothing', async (start) => {
  @Plugin({ name: 'batch-commit' })
  class BatchCommitPlugin {
    constructor(private readonly totals: Store<number>) {}
    onStart(): Promise<void> {
      return this.totals.commit();
    }
    @Subscribe(Placed, { batch: { size: 2, wait: '30ms' }, retry: { attempts: 1 } })
    async take(_events: Placed[], _context: BatchContext): Promise<void> {
      await this.totals.commit();
    }
  }
  const host = await start([BatchCommitPlugin]);
  await host.publish(Placed, { user: 'u', n: 1 });
  await host.settled();
  expect(host.deadLetters()).toMatchObject([{ error: expect.stringContaining('Store.commit') }]);
});
