/** Work after a run's commit, which `context.afterCommit` registers. */
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

/** The mails that were sent, and the totals that the handler saw in each of its calls. */
const mails: string[] = [];
const seen: number[] = [];
/** Called by each mail before it is sent. */
let sending: (mail: number) => unknown = () => undefined;
beforeEach(() => {
  mails.splice(0);
  seen.splice(0);
  sending = () => undefined;
});

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

let sent = 0;
beforeEach(() => (sent = 0));

@Plugin({ name: 'mailer' })
class MailerPlugin {
  constructor(
    private readonly totals: Store<number>,
    private readonly events: EventBus,
  ) {}

  @Subscribe(Placed, { retry: { attempts: 3, backoff: ['30ms'] }, timeout: '300ms' })
  async take({ user, n }: Placed, context: EventContext): Promise<void> {
    const total = await this.totals.update(user, (before = 0) => before + n);
    seen.push(total);
    context.afterCommit(async () => {
      await sending(++sent);
      mails.push(`${user} has ${total}`);
    });
    await this.events.publish(Counted, { user, total });
    if (n === 13 && context.attempt < 3) throw new Error('not now');
  }
}

onBoth('after-commit work sees its values committed, and is done once', async (start) => {
  const host = await start([MailerPlugin]);
  const store = host.store<number>(MailerPlugin);
  sending = async () => mails.push(`committed: ${await store.get('u1')}`);
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(mails).toEqual(['committed: 2', 'u1 has 2']);
  expect(seen).toEqual([2]);
});

onBoth('a run that fails does no after-commit work', async (start) => {
  const host = await start([MailerPlugin]);
  await host.publish(Placed, { user: 'u1', n: 13 });
  await host.settled();
  expect(seen).toEqual([13, 13, 13]);
  expect(mails).toEqual(['u1 has 13']);
});

for (const moment of ['after-commit', 'before-publish', 'before-ack'] as const) {
  onBoth(`when the host dies ${moment}, another host does the work, with the values of the run`, async (start) => {
    const host = await start([MailerPlugin], { config: SOON });
    host.crashAt(moment);
    await host.publish(Placed, { user: 'u1', n: 2 });
    await host.publish(Placed, { user: 'u1', n: 3 });
    await host.settled();
    expect(new Set(mails)).toEqual(new Set(['u1 has 2', 'u1 has 5']));
    expect(await host.store(MailerPlugin).get('u1')).toBe(5);
    expect(
      host
        .published(Counted)
        .map(({ total }) => total)
        .sort(),
    ).toEqual([2, 5]);
  });
}

onBoth('when the host dies during the work, another host does it again', async (start) => {
  const host = await start([MailerPlugin], { config: SOON });
  let waits = true;
  sending = () => (waits ? new Promise(() => undefined) : undefined);
  await host.publish(Placed, { user: 'u1', n: 2 });
  while (sent === 0) await turn();
  await host.store<number>(MailerPlugin).update('u1', () => 100);
  waits = false;
  await host.crash();
  await host.settled();
  expect(mails).toEqual(['u1 has 2']);
  expect(seen).toEqual([2, 2]);
  expect(await host.store(MailerPlugin).get('u1')).toBe(100);
});

onBoth('work that fails is tried again: the handler is repeated, and its effects are not', async (start) => {
  const host = await start([MailerPlugin]);
  sending = (mail) => {
    if (mail === 1) throw new Error('no mail server');
  };
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(mails).toEqual(['u1 has 2']);
  expect(seen).toEqual([2, 2]);
  expect(await host.store(MailerPlugin).get('u1')).toBe(2);
  expect(host.published(Counted)).toHaveLength(1);
  expect(host.logged).toContainEqual(
    expect.objectContaining({ message: 'after-commit work of a handler is not done; it is tried again' }),
  );
});

for (const [kind, attempts, fail] of [
  ['fails at each attempt', 3, () => Promise.reject(new Error('no mail server'))],
  ['throws Reject', 1, () => Promise.reject(new Reject('never'))],
  ['exceeds the timeout', 3, () => new Promise(() => undefined)],
] as const) {
  onBoth(`work that ${kind} is given up with an error in the log; its event stays settled`, async (start) => {
    const host = await start([MailerPlugin]);
    sending = (mail) => (mail <= attempts ? fail() : undefined);
    const settle = host.settled.bind(host);
    await host.publish(Placed, { user: 'u1', n: 2 });
    for (let i = 0; i < 6; i++) {
      await turn();
      await host.clock.advance('310ms');
    }
    await settle();
    expect(mails).toEqual([]);
    expect(sent).toBe(attempts);
    expect(host.deadLetters()).toEqual([]);
    expect(host.logged).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'after-commit work of a handler failed, and is not tried again; the event is settled',
      }),
    );
    await host.restart();
    await host.publish(Placed, { user: 'u1', n: 1 });
    await host.settled();
    expect(mails).toEqual(['u1 has 3']);
  });
}

onBoth('work that throws RetryLater is postponed, and that counts as no attempt', async (start) => {
  const host = await start([MailerPlugin]);
  sending = (mail) => {
    if (mail <= 5) throw new RetryLater('20ms');
  };
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(mails).toEqual(['u1 has 2']);
});

onBoth('in the work, the store and the bus work as outside of a handler', async (start) => {
  @Plugin({ name: 'outside' })
  class OutsidePlugin {
    constructor(
      private readonly store: Store<string>,
      private readonly events: EventBus,
    ) {}
    @Subscribe(Placed)
    async take({ user }: Placed, context: EventContext): Promise<void> {
      await this.store.update(user, () => 'paying');
      context.afterCommit(async () => {
        await this.store.update(user, (before) => `${before}, paid`);
        await this.events.publish(Counted, { user, total: 1 });
      });
    }
  }
  const host = await start([OutsidePlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  expect(await host.store(OutsidePlugin).get('u1')).toBe('paying, paid');
  expect(host.published(Counted)).toHaveLength(1);
});

onBoth('a run that starts again after a conflict does the work of its last call only', async (start) => {
  const host = await start([MailerPlugin]);
  const store = host.store<number>(MailerPlugin);
  const before = seen.length;
  await host.publish(Placed, { user: 'u1', n: 1 });
  while (seen.length === before) await turn();
  await store.update('u1', (n = 0) => n + 10);
  await host.settled();
  expect(mails).toHaveLength(1);
  expect(mails[0]).toBe(`u1 has ${seen.at(-1)}`);
  expect(await store.get('u1')).toBe(11);
});

onBoth('a handler that only does after-commit work does it once for each event', async (start) => {
  @Plugin({ name: 'only-mail' })
  class OnlyMailPlugin {
    @Subscribe(Placed)
    take({ n }: Placed, context: EventContext): void {
      context.afterCommit(() => mails.push(`mail ${n}`));
      context.afterCommit(() => mails.push(`copy ${n}`));
    }
  }
  const host = await start([OnlyMailPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(mails.slice().sort()).toEqual(['copy 1', 'copy 2', 'mail 1', 'mail 2']);
  expect(mails.indexOf('mail 1')).toBeLessThan(mails.indexOf('copy 1'));
});

onBoth('in a batch, the work belongs to its event: it is done for each event that has not failed', async (start) => {
  let fails = true;
  @Plugin({ name: 'batch-mail' })
  class BatchMailPlugin {
    constructor(private readonly totals: Store<number>) {}
    @Subscribe(Placed, { batch: { size: 3, wait: '1s' }, retry: { attempts: 1 } })
    async take(events: Placed[], context: BatchContext): Promise<void> {
      const failures: { index: number; error: Error }[] = [];
      for (const [index, event] of events.entries()) {
        const total = await this.totals.update('all', (n = 0) => n + Math.max(event.n, 0), { for: event });
        context.of(event).afterCommit(() => {
          if (event.n === 3 && fails) {
            fails = false;
            throw new RetryLater('20ms');
          }
          mails.push(`${event.n}: ${total}`);
        });
        if (event.n < 0) failures.push({ index, error: new Error('negative') });
      }
      if (failures.length > 0) throw new BatchFailure(failures);
    }
  }
  const host = await start([BatchMailPlugin]);
  for (const n of [1, -2, 3]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  expect(mails.sort()).toEqual(['1: 1', '3: 4']);
  expect(await host.store(BatchMailPlugin).get('all')).toBe(4);
  expect(host.deadLetters()).toHaveLength(1);
});

onBoth('afterCommit refuses what is not a function, and a call after the run has ended', async (start) => {
  const errors: unknown[] = [];
  @Plugin({ name: 'misuse' })
  class MisusePlugin {
    @Subscribe(Placed)
    take(_event: Placed, context: EventContext): void {
      const attempt = (work: unknown): void => {
        try {
          context.afterCommit(work as () => void);
        } catch (error) {
          errors.push(error);
        }
      };
      attempt(Promise.resolve());
      setTimeout(() => attempt(() => undefined), 5);
    }
  }
  const host = await start([MisusePlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  while (errors.length < 2) await turn();
  expect(errors[0]).toBeInstanceOf(TypeError);
  expect(errors[1]).toMatchObject({ code: 'JP_RUN_OVER' });
});

onBoth('a run that repeats committed work holds no key while it waits for a permit', async (start) => {
  let changeOutside = async (): Promise<unknown> => undefined;
  let publishNext = async (): Promise<unknown> => undefined;
  const calls: number[] = [];
  @Plugin({ name: 'one-by-one' })
  class OneByOnePlugin {
    constructor(private readonly totals: Store<number>) {}

    @Subscribe(Placed, { retry: { attempts: 3, backoff: ['30ms'] }, concurrency: 1 })
    async take({ user, n }: Placed, context: EventContext): Promise<void> {
      const isRepeated = calls.includes(n);
      calls.push(n);
      await this.totals.update(user, (before = 0) => before + n);
      // From then on, each run locks the key before it uses it.
      if (n === 1 && !isRepeated) await changeOutside();
      if (n === 2 && isRepeated) await publishNext();
      context.afterCommit(() => {
        if (n === 2 && !isRepeated) throw new Error('not now');
        mails.push(`${n}`);
      });
    }
  }
  const host = await start([OneByOnePlugin]);
  changeOutside = () => host.store<number>(OneByOnePlugin).update('u1', (before = 0) => before + 100);
  publishNext = async () => {
    await host.publishRaw('orders.placed', { user: 'u1', n: 4 });
    await turn();
  };
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(await host.store(OneByOnePlugin).get('u1')).toBe(107);
  expect(mails.sort()).toEqual(['1', '2', '4']);
});
