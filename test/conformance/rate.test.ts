/** Handlers with a rate, over everything that begins events. */
import { Plugin, Reject, RetryLater, Store, Subscribe, type EventContext } from 'jetplug/sdk';
import { testHost } from 'jetplug/testing';
import { onBoth, Placed } from '../support/conformance';

onBoth('first runs and retries begin at the rate of their handler', async (start) => {
  const begins: number[] = [];
  @Plugin({ name: 'paced' })
  class PacedPlugin {
    @Subscribe(Placed, { rate: { events: 2, per: '200ms' }, retry: { attempts: 3, backoff: ['10ms'] } })
    take({ n }: Placed, { attempt }: EventContext): void {
      begins.push(host.clock.now().getTime());
      if (n % 2 === 0 && attempt < 2) throw new Error('once more');
    }
  }
  const host = await start([PacedPlugin]);
  for (let n = 0; n < 6; n++) await host.publish(Placed, { user: `u${n % 2}`, n });
  await host.settled();
  expect(begins).toHaveLength(9);
  // A call comes a little after its begin, so two calls a span apart may look closer.
  for (let n = 2; n < begins.length; n++) expect(begins[n]! - begins[n - 2]!).toBeGreaterThanOrEqual(190);
});

test('in each span of time at most the rate’s number of events begins: new, retried, deferred and redriven ones', async () => {
  const begins: string[] = [];
  @Plugin({ name: 'paced' })
  class PacedPlugin {
    @Subscribe(Placed, { rate: { events: 2, per: '1m' }, retry: { attempts: 2, backoff: ['1s'] } })
    take({ n }: Placed, context: EventContext): void {
      begins.push(`${Math.round(host.clock.now().getTime() - startedAtMs) / 1_000} s: ${n}`);
      if (n === 0 && context.attempt === 1) throw new Error('once more');
      if (n === 1 && begins.length < 3) throw new RetryLater('10m');
      if (n === 4 && begins.length < 7) throw new Reject('never');
    }
  }
  const host = await testHost([PacedPlugin]);
  const startedAtMs = host.clock.now().getTime();
  for (const n of [0, 1, 2, 3, 4]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  await host.redrive(host.deadLetters()[0]!);
  await host.settled();
  await host.stop();
  expect(begins).toEqual([
    ...['0 s: 0', '0 s: 1'],
    ...['60 s: 2', '60 s: 0'],
    ...['120 s: 3', '120 s: 4'],
    ...['600 s: 1', '600 s: 4'],
  ]);
});

test('each event of a batch counts, and a call that starts again does not', async () => {
  const calls: string[] = [];
  @Plugin({ name: 'gather' })
  class GatherPlugin {
    constructor(private readonly counts: Store<number>) {}
    @Subscribe(Placed, { rate: { events: 4, per: '10s' }, batch: { size: 3, wait: '1s' } })
    async take(events: Placed[]): Promise<void> {
      calls.push(`${(host.clock.now().getTime() - startedAtMs) / 1_000} s: ${events.map(({ n }) => n).join()}`);
      for (const event of events) await this.counts.update('n', (n = 0) => n + 1, { for: event });
    }
  }
  const host = await testHost([GatherPlugin]);
  const startedAtMs = host.clock.now().getTime();
  for (const n of [0, 1, 2, 3, 4, 5, 6]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  await host.stop();
  expect(calls).toEqual(['0 s: 0,1,2', '10 s: 3,4,5', '11 s: 6']);
});
