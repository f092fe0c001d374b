/** Middleware around handlers, by `@Use` and by the config. */
import {
  EventBus,
  Logger,
  Plugin,
  Reject,
  RetryLater,
  Store,
  Subscribe,
  Use,
  type Envelope,
  type EventContext,
  type MiddlewareFunction,
  type Next,
} from 'jetplug/sdk';
import { injectable } from 'tsyringe';
import { Counted, onBoth, Placed } from '../support/conformance';

let steps: string[];
let instances: number;
beforeEach(() => {
  steps = [];
  instances = 0;
});

/** A middleware that notes its begin and its end. */
function noted(name: string): MiddlewareFunction {
  return async (event, _context, next) => {
    steps.push(`${name} begins with ${[event].flat().length}`);
    await next();
    steps.push(`${name} ends`);
  };
}

@injectable()
class OnlyOnce {
  constructor(
    private readonly seen: Store<number>,
    private readonly log: Logger,
  ) {
    instances++;
  }

  async handle(event: Placed, _context: EventContext, next: Next): Promise<void> {
    const times = await this.seen.scope<number>('seen').update(event.user, (n = 0) => n + 1);
    if (times === 1) await next();
    else this.log.info('skipped', { user: event.user });
  }
}

@Use(noted('plugin'))
@Plugin({ name: 'around' })
class AroundPlugin {
  constructor(
    private readonly totals: Store<number>,
    private readonly events: EventBus,
  ) {}

  @Use(noted('handler'), OnlyOnce)
  @Subscribe(Placed, { concurrency: 1 })
  async take({ user, n }: Placed): Promise<void> {
    steps.push('take');
    const total = await this.totals.update(user, (before = 0) => before + n);
    await this.events.publish(Counted, { user, total });
  }
}

onBoth('middleware of the config, the plugin and the handler runs in this order', async (start) => {
  const host = await start([AroundPlugin], { use: [noted('config')] });
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(steps).toEqual([
    'config begins with 1',
    'plugin begins with 1',
    'handler begins with 1',
    'take',
    'handler ends',
    'plugin ends',
    'config ends',
  ]);
});

onBoth('a middleware that does not call next skips the handler, and the event is handled', async (start) => {
  const host = await start([AroundPlugin]);
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.publish(Placed, { user: 'u1', n: 3 });
  await host.settled();
  expect(host.published(Counted)).toMatchObject([{ user: 'u1', total: 2 }]);
  expect(host.deadLetters()).toEqual([]);
  const store = host.store<number>(AroundPlugin);
  expect([await store.get('u1'), await store.scope('seen').get('u1')]).toEqual([2, 2]);
  expect(host.logged.filter(({ message }) => message === 'skipped')).toHaveLength(1);
  expect(instances).toBe(1);
});

@Plugin({ name: 'batches' })
class BatchesPlugin {
  @Use(noted('around'))
  @Subscribe(Placed, { batch: { size: 2, wait: '200ms' } })
  async many(events: Placed[]): Promise<void> {
    steps.push(events.map(({ n }) => n).join());
  }
}

onBoth('a middleware runs once around a batch, and gets its events', async (start) => {
  const host = await start([BatchesPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.publish(Placed, { user: 'u2', n: 2 });
  await host.settled();
  expect(steps).toEqual(['around begins with 2', '1,2', 'around ends']);
});

const failing: MiddlewareFunction<Placed> = async (event, context, next) => {
  steps.push(`${event.user} ${context.attempt}`);
  if (event.user === 'reject') throw new Reject('never');
  if (event.user === 'later' && steps.filter((step) => step.startsWith('later')).length === 1)
    throw new RetryLater('20ms');
  if (event.user === 'throws') throw new TypeError('not today');
  await next();
  if (event.user === 'twice') await next();
};

@Plugin({ name: 'failing' })
class FailingPlugin {
  @Use(failing)
  @Subscribe(Placed, { retry: { attempts: 2, backoff: ['20ms'] } })
  async take({ user }: Placed): Promise<void> {
    steps.push(`handled ${user}`);
  }
}

onBoth('a value that a middleware throws counts as thrown by the handler', async (start) => {
  const host = await start([FailingPlugin]);
  for (const user of ['reject', 'throws', 'later']) await host.publish(Placed, { user, n: 1 });
  await host.settled();
  expect(steps.filter((step) => step.startsWith('throws'))).toEqual(['throws 1', 'throws 2']);
  expect(steps.filter((step) => step.includes('later'))).toEqual(['later 1', 'later 1', 'handled later']);
  expect(
    host
      .deadLetters()
      .map(({ reason, error }) => `${reason}: ${error}`)
      .sort(),
  ).toEqual(['attempts-exhausted: not today', 'rejected: never']);
});

onBoth('a second call of next fails the event, and the handler is called once in each attempt', async (start) => {
  const host = await start([FailingPlugin]);
  await host.publish(Placed, { user: 'twice', n: 1 });
  await host.settled();
  expect(steps).toEqual(['twice 1', 'handled twice', 'twice 2', 'handled twice']);
  expect(host.deadLetters()).toMatchObject([
    { plugin: 'failing', error: expect.stringContaining('failing called next() a second time') as string },
  ]);
});

@Plugin({ name: 'swallowing' })
class SwallowingPlugin {
  constructor(private readonly totals: Store<number>) {}

  @Use(async (_event: Envelope, context: EventContext, next: Next) => {
    await next().catch((error: unknown) =>
      context.log.info('handled by the middleware', { why: (error as Error).message }),
    );
  })
  @Subscribe(Placed)
  async take({ user, n }: Placed): Promise<void> {
    await this.totals.update(user, () => n);
    throw new Error('not today');
  }
}

onBoth(
  'a middleware may handle the failure of its handler; the changes before the failure are committed',
  async (start) => {
    const host = await start([SwallowingPlugin]);
    await host.publish(Placed, { user: 'u1', n: 4 });
    await host.settled();
    expect(host.deadLetters()).toEqual([]);
    expect(await host.store(SwallowingPlugin).get('u1')).toBe(4);
    expect(host.logged).toContainEqual(expect.objectContaining({ message: 'handled by the middleware' }));
  },
);

@Plugin({ name: 'tardy' })
class TardyPlugin {
  @Use(async (_event: Envelope, { signal }: EventContext, next: Next) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await next().catch((error: unknown) => steps.push((error as { code: string }).code));
  })
  @Subscribe(Placed, { timeout: '100ms', retry: { attempts: 1 } })
  take(): void {
    steps.push('take');
  }
}

onBoth(
  'the timeout of the handler includes its middleware, and a later call of next does not call the handler',
  async (start) => {
    const host = await start([TardyPlugin]);
    await host.publish(Placed, { user: 'u1', n: 1 });
    await host.clock.advance('200ms');
    await host.settled();
    expect(host.deadLetters()).toMatchObject([{ reason: 'timeout' }]);
    expect(steps).toEqual(['JP_RUN_OVER']);
  },
);
