/** Which events run concurrently, and in which order events are handled. */
import { Plugin, RetryLater, Store, Subscribe } from 'jetplug/sdk';
import { onBoth, Placed, SOON } from '../support/conformance';

onBoth('events of one key keep their order through retries, and other keys do not wait', async (start) => {
  const done: string[] = [];
  const failed = new Set<number>();
  @Plugin({ name: 'in-order' })
  class InOrderPlugin {
    @Subscribe(Placed, { key: 'user', retry: { attempts: 5, backoff: ['1s'] } })
    take({ user, n }: Placed): void {
      if (n === 0 && !failed.has(n)) {
        failed.add(n);
        throw new Error('once more');
      }
      done.push(`${user}${n}`);
    }
  }
  const host = await start([InOrderPlugin]);
  await Promise.all([0, 1, 2, 3, 4, 5].map((n) => host.publish(Placed, { user: 'a', n })));
  await Promise.all([10, 11].map((n) => host.publish(Placed, { user: 'b', n })));
  await host.settled();
  expect(done.filter((each) => each.startsWith('a'))).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5']);
  expect(done.filter((each) => each.startsWith('b'))).toEqual(['b10', 'b11']);
  expect(done.indexOf('b11')).toBeLessThan(done.indexOf('a0'));
});

onBoth('RetryLater keeps the order of its key too', async (start) => {
  const done: number[] = [];
  let waits = 2;
  @Plugin({ name: 'postponed' })
  class PostponedPlugin {
    @Subscribe(Placed, { key: 'user' })
    take({ n }: Placed): void {
      if (n === 0 && waits-- > 0) throw new RetryLater('60ms');
      done.push(n);
    }
  }
  const host = await start([PostponedPlugin]);
  for (const n of [0, 1, 2]) await host.publish(Placed, { user: 'a', n });
  await host.settled();
  expect(done).toEqual([0, 1, 2]);
});

onBoth('events of a key keep their order when the host dies before an ack', async (start) => {
  const done: string[] = [];
  @Plugin({ name: 'survives' })
  class SurvivesPlugin {
    constructor(private readonly lists: Store<number[]>) {}
    @Subscribe(Placed, { key: 'user' })
    async take({ user, n }: Placed): Promise<void> {
      await this.lists.update(user, (list = []) => [...list, n]);
      done.push(`${user}${n}`);
    }
  }
  const host = await start([SurvivesPlugin], { config: SOON });
  host.crashBeforeAck();
  for (const n of [0, 1, 2, 3]) await host.publish(Placed, { user: 'a', n });
  await host.settled();
  expect(await host.store(SurvivesPlugin).get('a')).toEqual([0, 1, 2, 3]);
});

onBoth('no more events run at once than `concurrency` permits', async (start) => {
  let running = 0;
  let most = 0;
  @Plugin({ name: 'two-at-once' })
  class TwoAtOncePlugin {
    @Subscribe(Placed, { concurrency: 2 })
    async take(): Promise<void> {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
    }
  }
  const host = await start([TwoAtOncePlugin]);
  await Promise.all(Array.from({ length: 9 }, (_, n) => host.publish(Placed, { user: 'a', n })));
  await host.settled();
  expect(most).toBe(2);
});

onBoth('without a key, a failing event does not delay the others', async (start) => {
  const done: number[] = [];
  let isFirst = true;
  @Plugin({ name: 'loose' })
  class LoosePlugin {
    @Subscribe(Placed, { concurrency: 1, retry: { backoff: ['150ms'] } })
    take({ n }: Placed): void {
      if (isFirst) {
        isFirst = false;
        throw new Error('once more');
      }
      done.push(n);
    }
  }
  const host = await start([LoosePlugin]);
  for (const n of [0, 1, 2]) await host.publish(Placed, { user: 'a', n });
  await host.settled();
  expect(done).toEqual([1, 2, 0]);
});
