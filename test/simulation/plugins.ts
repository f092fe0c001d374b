import { z } from 'zod';
import {
  Clock,
  EventBus,
  Plugin,
  Reject,
  RetryLater,
  Store,
  Subscribe,
  defineEvent,
  type BatchContext,
  type Duration,
  type EventContext,
} from '../../sdk';

/** How an event lets the handlers fail that take its kind into account. */
export const KINDS = ['plain', 'hiccup', 'poison', 'reject', 'late', 'stuck'] as const;

export class Tick extends defineEvent(
  'sim.tick',
  z.object({
    n: z.number().int(),
    key: z.string().min(1),
    kind: z.enum(KINDS),
    waitMs: z.number(),
    /** Until this time, in milliseconds since 1970, a hiccup fails and a late event is postponed. */
    untilMs: z.number(),
  }),
) {}
class Tock extends defineEvent('sim.tock', z.object({ n: z.number().int(), key: z.string(), copy: z.number() })) {}

/** The clock of a simulated host. It also lets a plugin wait in virtual time. */
export abstract class SimClock extends Clock {
  abstract sleep(ms: number): Promise<void>;
  /** Notes that after-commit work of an event is done. */
  abstract worked(n: number): void;
}

const STUCK_MS = 60_000;
const LONG_MS = 12_000;
const BACKOFF: Duration[] = ['500ms', '2s'];
const OPTIONS = { from: 'beginning', retry: { attempts: 3, backoff: BACKOFF } } as const;

function add(n: number) {
  return (list: number[] = []): number[] => [...list, n];
}

@Plugin({ name: 'counter' })
class CounterPlugin {
  constructor(private readonly lists: Store<number[]>) {}

  @Subscribe(Tick, OPTIONS)
  async take({ n, key }: Tick): Promise<void> {
    await this.lists.update(key, add(n));
    await this.lists.update('all', add(n));
  }
}

@Plugin({ name: 'ordered' })
export class OrderedPlugin {
  constructor(
    private readonly lists: Store<number[]>,
    private readonly clock: Clock,
  ) {}

  @Subscribe(Tick, { ...OPTIONS, key: 'key' })
  async take({ n, key, waitMs, kind, untilMs }: Tick): Promise<void> {
    if (waitMs > 0) await (this.clock as SimClock).sleep(waitMs);
    if (kind === 'hiccup' && this.clock.now().getTime() < untilMs) throw new RetryLater('300ms');
    await this.lists.update(key, add(n));
  }
}

/**
 * A handler with a key that fails, and that takes longer at some events than a hand-over waits. Failed events wait in the
 * host for their retry, and keep their place.
 */
@Plugin({ name: 'series' })
class SeriesPlugin {
  constructor(
    private readonly lists: Store<number[]>,
    private readonly clock: Clock,
  ) {}

  @Subscribe(Tick, { ...OPTIONS, key: 'key' })
  async take({ n, key, kind, untilMs }: Tick): Promise<void> {
    if (kind === 'stuck') await (this.clock as SimClock).sleep(LONG_MS);
    await this.lists.update(key, add(n));
    failBy(kind, this.clock, untilMs);
  }
}

/** The plugin `ordered` with another key for each event: the broken order queue. */
@Plugin({ name: 'ordered' })
export class UnorderedPlugin {
  constructor(
    private readonly lists: Store<number[]>,
    private readonly clock: Clock,
  ) {}

  @Subscribe(Tick, { ...OPTIONS, key: 'n' })
  async take({ n, key, waitMs }: Tick): Promise<void> {
    if (waitMs > 0) await (this.clock as SimClock).sleep(waitMs);
    await this.lists.update(key, add(n));
  }
}

@Plugin({ name: 'relay' })
class RelayPlugin {
  constructor(private readonly events: EventBus) {}

  @Subscribe(Tick, OPTIONS)
  async take({ n, key }: Tick): Promise<void> {
    for (let copy = 0; copy < copiesOf(n); copy++) await this.events.publish(Tock, { n, key, copy });
  }
}

/** How many events the relay publishes for an event. */
export function copiesOf(n: number): number {
  return n % 3 === 0 ? 2 : 1;
}

@Plugin({ name: 'sums' })
class SumsPlugin {
  constructor(private readonly lists: Store<number[]>) {}

  @Subscribe(Tock, OPTIONS)
  async take({ n, key, copy }: Tock): Promise<void> {
    await this.lists.update(key, add(n * 10 + copy));
  }
}

@Plugin({ name: 'flaky' })
class FlakyPlugin {
  constructor(
    private readonly lists: Store<number[]>,
    private readonly clock: Clock,
  ) {}

  @Subscribe(Tick, OPTIONS)
  async take({ n, key, kind, untilMs }: Tick): Promise<void> {
    await this.lists.update(key, add(n));
    failBy(kind, this.clock, untilMs);
  }
}

function failBy(kind: Tick['kind'], clock: Clock, untilMs: number): void {
  if (kind === 'poison') throw new Error('poison');
  if (kind === 'reject') throw new Reject('not this one');
  if (kind === 'hiccup' && clock.now().getTime() < untilMs) throw new Error('hiccup');
}

@Plugin({ name: 'later' })
class LaterPlugin {
  constructor(
    private readonly lists: Store<number[]>,
    private readonly clock: Clock,
  ) {}

  @Subscribe(Tick, OPTIONS)
  async take({ n, key, kind, untilMs }: Tick): Promise<void> {
    if (kind === 'late' && this.clock.now().getTime() < untilMs) throw new RetryLater('45s');
    await this.lists.update(key, add(n));
  }
}

@Plugin({ name: 'slow' })
class SlowPlugin {
  constructor(
    private readonly lists: Store<number[]>,
    private readonly clock: Clock,
  ) {}

  @Subscribe(Tick, { ...OPTIONS, timeout: '10s', concurrency: 4 })
  async take({ n, key, waitMs, kind }: Tick): Promise<void> {
    const clock = this.clock as SimClock;
    await this.lists.update(key, add(n));
    await clock.sleep(kind === 'stuck' ? STUCK_MS : waitMs);
    await this.lists.update('all', add(n));
  }
}

@Plugin({ name: 'batches' })
class BatchesPlugin {
  constructor(private readonly lists: Store<number[]>) {}

  @Subscribe(Tick, { ...OPTIONS, batch: { size: 4, wait: '50ms' } })
  async take(events: Tick[], _context: BatchContext): Promise<void> {
    for (const event of events) await this.lists.update(event.key, add(event.n), { for: event });
  }
}

@Plugin({ name: 'points' })
class PointsPlugin {
  private readonly firsts: Store<number[]>;

  constructor(
    private readonly lists: Store<number[]>,
    private readonly clock: Clock,
    private readonly events: EventBus,
  ) {
    this.firsts = lists.scope<number[]>('first');
  }

  @Subscribe(Tick, OPTIONS)
  async take({ n, key, waitMs }: Tick, context: EventContext): Promise<void> {
    const clock = this.clock as SimClock;
    await this.firsts.update(key, add(n));
    await this.events.publish('sim.point', { n });
    await this.lists.commit();
    await clock.sleep(waitMs);
    await this.lists.update(key, add(n));
    context.afterCommit(() => clock.worked(n));
  }
}

/** The plugins whose handler has a key. */
export const KEYED: readonly string[] = ['ordered', 'series'];

/** The plugins of the schedules, by name. Each has one handler, `take`. */
export const PLUGINS: Readonly<Record<string, new (...args: never[]) => object>> = {
  counter: CounterPlugin,
  ordered: OrderedPlugin,
  series: SeriesPlugin,
  relay: RelayPlugin,
  sums: SumsPlugin,
  flaky: FlakyPlugin,
  later: LaterPlugin,
  slow: SlowPlugin,
  batches: BatchesPlugin,
  points: PointsPlugin,
};
