/** Handlers that take several events at a time. */
import { BatchFailure, EventBus, Plugin, Reject, Store, Subscribe, type BatchContext } from 'jetplug/sdk';
import { Counted, onBoth, Placed, SOON } from '../support/conformance';

const batches: number[][] = [];
beforeEach(() => void batches.splice(0));

const numbers = (events: readonly Placed[]): number[] => events.map(({ n }) => n);
const handled = (): number[] => batches.flat().sort((a, b) => a - b);

onBoth('a batch has the available events, at most `size`, and every event is delivered', async (start) => {
  @Plugin({ name: 'gather' })
  class GatherPlugin {
    @Subscribe(Placed, { batch: { size: 3, wait: '80ms' }, concurrency: 1 })
    take(events: Placed[]): void {
      batches.push(numbers(events));
    }
  }
  const host = await start([GatherPlugin]);
  for (const n of [1, 2, 3, 4]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  expect(handled()).toEqual([1, 2, 3, 4]);
  expect(Math.max(...batches.map(({ length }) => length))).toBe(3);
});

onBoth('a batch that throws is retried event by event, and only its bad event is dead-lettered', async (start) => {
  @Plugin({ name: 'torn' })
  class TornPlugin {
    @Subscribe(Placed, { batch: { size: 3, wait: '1s' }, retry: { attempts: 2, backoff: ['40ms'] } })
    take(events: Placed[]): void {
      batches.push(numbers(events));
      if (events.some(({ n }) => n < 0)) throw new Error('one is negative');
    }
  }
  const host = await start([TornPlugin]);
  for (const n of [1, -2, 3]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  expect(batches[0]).toEqual([1, -2, 3]);
  expect(batches.slice(1).every(({ length }) => length === 1)).toBe(true);
  expect(host.deadLetters()).toMatchObject([{ sequence: 2, attempts: 2, reason: 'attempts-exhausted' }]);
});

onBoth('BatchFailure names the events that failed; the others are handled', async (start) => {
  @Plugin({ name: 'named' })
  class NamedPlugin {
    @Subscribe(Placed, { batch: { size: 3, wait: '1s' }, retry: { attempts: 3, backoff: ['40ms'] } })
    take(events: Placed[]): void {
      batches.push(numbers(events));
      const first = batches.length === 1;
      const failures = events.flatMap(({ n }, index) => {
        if (n === -1) return [{ index, error: new Reject('never') }];
        return n === 2 && first ? [{ index, error: new Error('not now') }] : [];
      });
      if (failures.length > 0) throw new BatchFailure(failures);
    }
  }
  const host = await start([NamedPlugin]);
  for (const n of [-1, 2, 3]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  expect(batches).toEqual([[-1, 2, 3], [2]]);
  expect(host.deadLetters()).toMatchObject([{ reason: 'rejected', error: 'never', sequence: 1 }]);
});

onBoth('effects of a batch belong to its events, and happen once when the host dies in between', async (start) => {
  @Plugin({ name: 'sums' })
  class SumsPlugin {
    constructor(
      private readonly totals: Store<number>,
      private readonly events: EventBus,
    ) {}
    @Subscribe(Placed, { batch: { size: 3, wait: '1s' } })
    async take(events: Placed[]): Promise<void> {
      batches.push(numbers(events));
      for (const event of events) {
        const total = await this.totals.update(event.user, (before = 0) => before + event.n, { for: event });
        await this.events.publish(Counted, { user: event.user, total }, { for: event });
      }
    }
  }
  const host = await start([SumsPlugin], { config: SOON });
  host.crashBeforeAck();
  for (const n of [1, 10, 100]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  expect(await host.store(SumsPlugin).get('u1')).toBe(111);
  expect(
    host
      .published(Counted)
      .map(({ total }) => total)
      .sort(),
  ).toEqual([1, 11, 111]);
});

onBoth('an update in a batch that does not name its event is refused', async (start) => {
  @Plugin({ name: 'unsaid' })
  class UnsaidPlugin {
    constructor(private readonly totals: Store<number>) {}
    @Subscribe(Placed, { batch: { size: 2, wait: '30ms' }, retry: { attempts: 1 } })
    async take(_events: Placed[], _context: BatchContext): Promise<void> {
      await this.totals.update('all', (n = 0) => n + 1);
    }
  }
  const host = await start([UnsaidPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  expect(host.deadLetters()).toMatchObject([{ error: expect.stringContaining('for: event') }]);
});
