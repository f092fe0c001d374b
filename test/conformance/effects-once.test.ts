/** Store updates and published events of an event that is delivered several times. */
import { EventBus, Plugin, Store, Subscribe, type EventContext } from 'jetplug/sdk';
import { Counted, onBoth, Placed, SOON } from '../support/conformance';

const calls: string[] = [];
const answers: number[] = [];
beforeEach(() => {
  calls.length = 0;
  answers.length = 0;
});

@Plugin({ name: 'count' })
class CountPlugin {
  constructor(
    private readonly totals: Store<number>,
    private readonly events: EventBus,
  ) {}

  @Subscribe(Placed, { retry: { attempts: 4, backoff: ['30ms'] }, from: 'beginning' })
  async take({ user, n }: Placed, { attempt }: EventContext): Promise<void> {
    calls.push(`${n}/${attempt}`);
    const total = await this.totals.update(user, (before = 0) => before + n);
    answers.push(total);
    await this.events.publish(Counted, { user, total });
    if (n === 5 && attempt < 3) throw new Error('after its effects');
  }
}

onBoth('an update is applied once across retries, and each retry computes it anew', async (start) => {
  const host = await start([CountPlugin]);
  await host.publish(Placed, { user: 'u1', n: 5 });
  await host.publish(Placed, { user: 'u2', n: 1 });
  await host.settled();
  expect(calls.filter((call) => call.startsWith('5'))).toEqual(['5/1', '5/2', '5/3']);
  expect(await host.store(CountPlugin).get('u1')).toBe(5);
  expect(answers.filter((answer) => answer === 5)).toHaveLength(3);
});

onBoth('a failed handler publishes nothing; the events of a handler that returns are published once', async (start) => {
  const host = await start([CountPlugin]);
  await host.publish(Placed, { user: 'u1', n: 5 });
  await host.settled();
  expect(host.published(Counted)).toMatchObject([{ user: 'u1', total: 5 }]);
});

onBoth(
  'when the host dies before the ack, the event is acknowledged by the next host and not handled again',
  async (start) => {
    const host = await start([CountPlugin], { config: SOON });
    host.crashBeforeAck();
    await host.publish(Placed, { user: 'u1', n: 2 });
    await host.settled();
    expect(calls).toEqual(['2/1']);
    expect(answers).toEqual([2]);
    expect(await host.store(CountPlugin).get('u1')).toBe(2);
    expect(host.published(Counted)).toMatchObject([{ user: 'u1', total: 2 }]);
  },
);

onBoth('events before and after a host’s death add up, and each publishes its own total', async (start) => {
  const host = await start([CountPlugin], { config: SOON });
  host.crashBeforeAck();
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.publish(Placed, { user: 'u1', n: 3 });
  await host.settled();
  expect(await host.store(CountPlugin).get('u1')).toBe(5);
  const totals = host.published(Counted).map(({ total }) => total);
  expect(totals).toHaveLength(2);
  expect(Math.max(...totals)).toBe(5);
  expect(calls.length).toBeLessThanOrEqual(3);
});

onBoth('an event whose host dies during its handler’s run is handled by the next host', async (start) => {
  const begun: string[] = [];
  let waits = true;
  @Plugin({ name: 'half-done' })
  class HalfDonePlugin {
    constructor(
      private readonly totals: Store<number>,
      private readonly events: EventBus,
    ) {}
    @Subscribe(Placed)
    async take({ user, n }: Placed): Promise<void> {
      const total = await this.totals.update(user, (before = 0) => before + n);
      begun.push(`${total}`);
      if (waits) await new Promise(() => undefined);
      await this.totals.update(user, (before = 0) => before * 10);
      await this.events.publish(Counted, { user, total });
    }
  }
  const host = await start([HalfDonePlugin], { config: SOON });
  await host.publish(Placed, { user: 'u1', n: 4 });
  while (begun.length === 0) await new Promise((resolve) => setImmediate(resolve));
  waits = false;
  await host.crash();
  await host.settled();
  expect(begun).toEqual(['4', '4']);
  expect(await host.store(HalfDonePlugin).get('u1')).toBe(40);
  expect(host.published(Counted)).toMatchObject([{ user: 'u1', total: 4 }]);
});

onBoth('an event id published twice is stored once', async (start) => {
  const host = await start([CountPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 }, { id: 'same' });
  await host.publish(Placed, { user: 'u1', n: 1 }, { id: 'same' });
  await host.settled();
  expect(calls).toEqual(['1/1']);
});

onBoth('the ids of published events differ within a run, and are the same in each run of an event', async (start) => {
  const ids: string[][] = [];
  @Plugin({ name: 'ids' })
  class IdsPlugin {
    constructor(private readonly events: EventBus) {}
    @Subscribe(Placed, { retry: { backoff: ['30ms'] } })
    async take({ user }: Placed, { attempt }: EventContext): Promise<void> {
      ids.push(await Promise.all([1, 2].map((total) => this.events.publish(Counted, { user, total }))));
      if (attempt === 1) throw new Error('once more');
    }
  }
  const host = await start([IdsPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  expect(ids[0]).toEqual(ids[1]);
  expect(new Set(ids[0])).toHaveProperty('size', 2);
  expect(
    host
      .published(Counted)
      .map(({ event_id }) => event_id)
      .sort(),
  ).toEqual([...ids[0]!].sort());
});

onBoth('a settled event is not redelivered when the host starts again', async (start) => {
  const host = await start([CountPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  await host.restart();
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(calls).toEqual(['1/1', '2/1']);
  expect(await host.store(CountPlugin).get('u1')).toBe(3);
});

onBoth('a store or bus refuses its use after the run has ended', async (start) => {
  let late: Promise<unknown> = Promise.resolve();
  @Plugin({ name: 'forgetful' })
  class ForgetfulPlugin {
    constructor(private readonly totals: Store<number>) {}
    @Subscribe(Placed)
    take({ user }: Placed): void {
      late = new Promise((resolve) => setTimeout(resolve, 20)).then(() => this.totals.update(user, () => 1));
      late.catch(() => undefined);
    }
  }
  const host = await start([ForgetfulPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  await expect(late).rejects.toMatchObject({ code: 'JP_RUN_OVER' });
  expect(await host.store(ForgetfulPlugin).get('u1')).toBeUndefined();
});
