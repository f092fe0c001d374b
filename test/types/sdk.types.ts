/**
 * Uses of the SDK's types that the compiler must accept, and, below each `@ts-expect-error`, uses that it
 * must refuse. Nothing here runs: types.test.ts compiles it.
 */
import {
  BatchFailure,
  defineEvent,
  EventBus,
  JetplugError,
  Plugin,
  Reject,
  RetryLater,
  Settings,
  Store,
  Subscribe,
  Use,
  type BatchContext,
  type Envelope,
  type EventContext,
  type EventFields,
  type Middleware,
  type MiddlewareFunction,
  type Next,
  type PluginLifecycle,
} from 'jetplug/sdk';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';

class VideoWatchStarted extends defineEvent(
  'video.watch_started',
  z.object({ user_id: z.string(), video_id: z.string() }),
) {}
class BadgeAwarded extends defineEvent(
  'badge.awarded',
  z.object({
    user_id: z.string(),
    level: z.string().default('bronze'),
    at: z
      .string()
      .transform((text) => new Date(text))
      .optional(),
  }),
) {}
const Paid = defineEvent('paid', z.union([z.object({ card: z.string() }), z.object({ iban: z.string() })]));

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for a value of exactly this type. */
function isOf<Expected>() {
  return <Actual>(_value: Actual, ..._proof: Same<Actual, Expected> extends true ? [] : ['is of another type']) =>
    undefined;
}

// An event has its envelope and the fields as its schema leaves them.
declare const badge: BadgeAwarded;
isOf<string>()(badge.event_id);
isOf<string>()(badge.level);
isOf<Date | undefined>()(badge.at);
// @ts-expect-error: a field that the contract does not have
isOf<string>()(badge.video_id);
// @ts-expect-error: an event is not changed by its handlers
badge.event_id = 'x';
// The fields to publish are those before defaults and transforms.
declare const toPublish: EventFields<typeof BadgeAwarded>;
isOf<{ user_id: string; level?: string | undefined; at?: string | undefined }>()(toPublish);

// @ts-expect-error: a contract is of an object
defineEvent('a.b', z.string());
// @ts-expect-error: a union cannot be extended
export class Extended extends defineEvent(
  'paid',
  z.union([z.object({ card: z.string() }), z.object({ iban: z.string() })]),
) {}
// Any Standard Schema is accepted.
declare const foreign: StandardSchemaV1<{ n: string }, { n: number }>;
const Foreign = defineEvent('foreign', foreign);
declare const envelope: Envelope;
isOf<number>()(new Foreign({ ...envelope, n: 1 }).n);

// An upcast gets fields of any type, and returns those that the schema takes.
export class Upcast extends defineEvent('up.cast', z.object({ user_id: z.string(), n: z.number().default(1) }), {
  upcast: (old) => ({ user_id: String(old['user']) }),
}) {}
// @ts-expect-error: an upcast that returns other fields
defineEvent('up.cast', z.object({ user_id: z.string() }), { upcast: (old) => ({ user: old['user'] }) });
// @ts-expect-error: an upcast is synchronous
defineEvent('up.cast', z.object({ user_id: z.string() }), { upcast: async () => ({ user_id: 'u1' }) });

@Plugin({ description: 'x', settings: z.object({ milestones: z.array(z.number()) }) })
export class Good implements PluginLifecycle {
  constructor(
    readonly counts: Store<number>,
    readonly events: EventBus,
    readonly settings: Settings<{ milestones: number[] }>,
  ) {}

  @Subscribe()
  byParameter(_event: VideoWatchStarted) {}

  @Subscribe()
  optional(_event?: VideoWatchStarted) {}

  @Subscribe({ from: { since: '7d' }, retry: { attempts: 2, backoff: ['1s', '500ms'] } })
  async withContext(_event: VideoWatchStarted, context: EventContext) {
    const { signal, headers } = context;
    await fetch('http://localhost', { signal, headers });
  }

  @Subscribe(VideoWatchStarted)
  declared(_event: VideoWatchStarted) {}

  @Subscribe(VideoWatchStarted, { from: { sequence: 7 }, concurrency: 1, timeout: '1.5h', durable: 'd' })
  declaredWithOptions(_event: VideoWatchStarted, _context: EventContext) {}

  // A handler may ask for less than it gets.
  @Subscribe(VideoWatchStarted)
  part({ user_id }: { user_id: string }) {
    return user_id;
  }

  @Subscribe(VideoWatchStarted)
  none() {}

  @Subscribe(Paid)
  union(event: InstanceType<typeof Paid>) {
    return 'card' in event ? event.card : event.iban;
  }

  @Subscribe({ key: 'user_id' })
  inOrder(_event: VideoWatchStarted) {}

  @Subscribe(VideoWatchStarted, { key: 'user_id', concurrency: 32 })
  declaredWithKey(_event: VideoWatchStarted) {}

  @Subscribe(VideoWatchStarted, { batch: { size: 100, wait: '2s' } })
  async many(events: VideoWatchStarted[], context: BatchContext) {
    for (const event of events) isOf<number>()(context.of(event).sequence);
    await this.counts.update('n', (n = 0) => n + 1, { for: events[0]! });
    throw new BatchFailure([{ index: 0, error: new Reject('never') }]);
  }

  @Subscribe({ rate: { events: 100, per: '1s' }, key: 'user_id' })
  slowly(_event: VideoWatchStarted) {}

  @Subscribe(VideoWatchStarted, { rate: { events: 100, per: '1s' }, batch: { size: 10 } })
  slowlyMany(_events: VideoWatchStarted[]) {}

  @Subscribe('video.>', { batch: { size: 2 } })
  manyRaw(_events: Envelope[]) {}

  @Subscribe('video.>', { from: 'new' })
  raw(_event: Envelope & { user_id?: unknown }) {}

  // The host ignores a handler's return value, unless it is work that has not run yet.
  @Subscribe(VideoWatchStarted)
  async number() {
    return Promise.resolve(1);
  }

  @Subscribe(VideoWatchStarted)
  list(): string[] {
    return [];
  }

  @Subscribe(VideoWatchStarted)
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what many libraries return
  anything(): any {
    return JSON.parse('{}');
  }

  @Subscribe(VideoWatchStarted)
  never(): never {
    throw new Error('x');
  }

  @Subscribe('video.>')
  unknown(): unknown {
    return undefined;
  }

  onStart() {}
  async onStop() {
    await Promise.resolve();
  }
}

export class Bad {
  // @ts-expect-error: the contract's event does not fit the parameter
  @Subscribe(VideoWatchStarted)
  otherEvent(_event: BadgeAwarded) {}

  // @ts-expect-error: nor one that wants a field more
  @Subscribe(VideoWatchStarted)
  more(_event: VideoWatchStarted & { extra: string }) {}

  // @ts-expect-error: nor of another type
  @Subscribe(VideoWatchStarted)
  wrongField(_event: { user_id: number }) {}

  // @ts-expect-error: a handler has two parameters at most
  @Subscribe(VideoWatchStarted)
  three(_event: VideoWatchStarted, _context: EventContext, _more: string) {}

  // @ts-expect-error: the second is the context
  @Subscribe()
  secondParameter(_event: VideoWatchStarted, _context: string) {}

  // @ts-expect-error: a property is no handler
  @Subscribe(VideoWatchStarted)
  readonly property = 1;

  // @ts-expect-error: nor one that holds a function
  @Subscribe(VideoWatchStarted)
  readonly arrow = (_event: VideoWatchStarted) => undefined;

  // @ts-expect-error: nor is a getter
  @Subscribe(VideoWatchStarted)
  get getter() {
    return Date.now();
  }

  // @ts-expect-error: nobody runs a generator
  @Subscribe(VideoWatchStarted)
  *generator(_event: VideoWatchStarted) {
    yield 1;
  }

  // @ts-expect-error: nor one that is asynchronous
  @Subscribe()
  async *asyncGenerator(_event: VideoWatchStarted) {
    yield Promise.resolve(1);
  }

  // @ts-expect-error: nor of batches
  @Subscribe(VideoWatchStarted, { batch: { size: 10 } })
  *manyGenerated(_events: VideoWatchStarted[]) {
    yield 1;
  }

  // @ts-expect-error: nor an Observable
  @Subscribe('video.>')
  observable(_event: Envelope) {
    return { subscribe: (_observer: object) => undefined };
  }

  // @ts-expect-error: nor one that a promise brings
  @Subscribe('video.>')
  async observableLater(_event: Envelope) {
    return Promise.resolve({ subscribe: (_observer: object) => undefined });
  }

  // @ts-expect-error: nor a function
  @Subscribe(VideoWatchStarted)
  task(_event: VideoWatchStarted) {
    return () => undefined;
  }

  // @ts-expect-error: a static method is no handler
  @Subscribe(VideoWatchStarted)
  static ofClass(_event: VideoWatchStarted) {}

  // @ts-expect-error: a class that is no contract
  @Subscribe(Store)
  noContract(_event: object) {}

  // @ts-expect-error: a key is a field of the contract
  @Subscribe(VideoWatchStarted, { key: 'userId' })
  noField(_event: VideoWatchStarted) {}

  // @ts-expect-error: a handler of batches gets an array
  @Subscribe(VideoWatchStarted, { batch: { size: 10 } })
  oneOfMany(_event: VideoWatchStarted) {}

  // @ts-expect-error: without a batch it gets one event
  @Subscribe(VideoWatchStarted, { concurrency: 1 })
  manyOfOne(_events: VideoWatchStarted[]) {}

  // @ts-expect-error: either a key or batches
  @Subscribe(VideoWatchStarted, { key: 'user_id', batch: { size: 10 } })
  both(_events: VideoWatchStarted[]) {}

  // @ts-expect-error: a rate has both parts
  @Subscribe({ rate: { events: 100 } })
  noPer(_event: VideoWatchStarted) {}

  // @ts-expect-error: a length of time has a unit
  @Subscribe(VideoWatchStarted, { rate: { events: 100, per: 1_000 } })
  rateWithoutUnit(_event: VideoWatchStarted) {}

  // @ts-expect-error: a batch has a size
  @Subscribe(VideoWatchStarted, { batch: { wait: '1s' } })
  noSize(_events: VideoWatchStarted[]) {}

  // @ts-expect-error: an option that does not exist
  @Subscribe({ retries: 3 })
  unknownOption(_event: VideoWatchStarted) {}

  // @ts-expect-error: a key is a field of the parameter's event
  @Subscribe({ key: 'userId' })
  noFieldOfParameter(_event: VideoWatchStarted) {}

  // @ts-expect-error: an outcome is thrown
  @Subscribe()
  returned(_event: VideoWatchStarted) {
    return new Reject('no');
  }

  // @ts-expect-error: a number without a unit
  @Subscribe({ timeout: 5 })
  noUnit(_event: VideoWatchStarted) {}

  // @ts-expect-error: no length of time
  @Subscribe({ timeout: 'soon' })
  wrongDuration(_event: VideoWatchStarted) {}

  // @ts-expect-error: no place to start from
  @Subscribe({ from: 'yesterday' })
  wrongFrom(_event: VideoWatchStarted) {}
}

class Ping extends defineEvent('a.ping', z.object({})) {}
class Recursive extends defineEvent('a.tree', z.object({ tree: z.json(), maybe: z.date().or(z.string()) })) {}

interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
  readonly next?: Tree;
}

// Types that JSON holds, and an event without fields.
@Plugin({ settings: z.object({ limit: z.number().default(1) }) })
export class Json {
  constructor(
    readonly trees: Store<Tree>,
    readonly maps: Store<Record<string, number[] | null>>,
    readonly any: Store,
    readonly settings: Settings<object>,
    readonly other: { value: string },
  ) {}

  @Subscribe()
  ping(_event: Ping) {}

  @Subscribe(Recursive)
  tree(_event: Recursive) {}
}

// @ts-expect-error: an option that @Plugin does not have
@Plugin({ names: 'x' })
export class WrongOption {}

// Publishing is typed by the contract; a plain subject takes any fields.
export async function publishing(events: EventBus) {
  const id = await events.publish(BadgeAwarded, { user_id: 'u1' });
  isOf<string>()(id);
  await events.publish(
    BadgeAwarded,
    { user_id: 'u1', level: 'gold', at: '2026-05-12' },
    { id: 'e1', timestamp: '2026-05-12T12:00:00Z' },
  );
  await events.publish(Paid, { card: '1' });
  await events.publish('badge.awarded', { anything: [1] });
  // @ts-expect-error: a field is missing
  await events.publish(BadgeAwarded, { level: 'gold' });
  // @ts-expect-error: a field of another type
  await events.publish(BadgeAwarded, { user_id: 1 });
  // @ts-expect-error: a field that the contract does not have
  await events.publish(BadgeAwarded, { user_id: 'u1', extra: 1 });
  // @ts-expect-error: the fields before the transform, not after
  await events.publish(BadgeAwarded, { user_id: 'u1', at: new Date() });
  // @ts-expect-error: none of the union's members
  await events.publish(Paid, { cash: 1 });
  // @ts-expect-error: no fields at all
  await events.publish(BadgeAwarded);
  // @ts-expect-error: fields are an object
  await events.publish('badge.awarded', 'text');
  // @ts-expect-error: no contract
  await events.publish(Store, {});
}

// The values of a store are typed.
export async function storing(counts: Store<number>) {
  const count = await counts.update('u1', (n = 0) => n + 1);
  isOf<number>()(count);
  const kept = await counts.get('u1');
  isOf<number | undefined>()(kept);
  const genres = counts.scope<string[]>('genres');
  isOf<string[] | undefined>()(await genres.get('g'));
  // @ts-expect-error: another type than is kept
  await counts.update('u1', () => 'text');
  // @ts-expect-error: the value may be absent at first
  await counts.update('u1', (n) => n.valueOf());
  // @ts-expect-error: the function must not be asynchronous
  await counts.update('u1', async (n = 0) => Promise.resolve(n + 1));
  // @ts-expect-error: keys are strings
  await counts.get(1);
}

export function outcomes() {
  new RetryLater('10m', 'why', { cause: new Error('x') });
  new RetryLater(`${Math.ceil(1.5)}s`);
  new Reject('why', { cause: new Error('x') });
  // @ts-expect-error: no length of time
  new RetryLater('10 minutes');
  // @ts-expect-error: a number without a unit
  new RetryLater(500);
  // @ts-expect-error: a rejection says why
  new Reject();
  // @ts-expect-error: a code of the catalogue
  new JetplugError('JP_NO_SUCH_CODE', 'x');
}

// @ts-expect-error: what the host provides is asked for, not made
new Store();
// @ts-expect-error: settings are not changed
new Settings({ n: 1 }).value.n = 2;

const forAny: MiddlewareFunction = async (event, context, next) => {
  isOf<Envelope | readonly Envelope[]>()(event);
  isOf<EventContext | BatchContext>()(context);
  isOf<Promise<void>>()(next());
};
const forWatch = async (event: VideoWatchStarted, context: EventContext, next: Next) => {
  context.log.info(event.user_id);
  await next();
};
const forBatch: MiddlewareFunction<readonly VideoWatchStarted[]> = (events, context, next) => {
  context.of(events[0]!);
  return next();
};
class Gate implements Middleware<VideoWatchStarted> {
  constructor(readonly store: Store<number>) {}
  async handle(event: VideoWatchStarted, context: EventContext, next: Next) {
    context.log.info(event.user_id);
    await next();
  }
}
class NoMiddleware {
  run() {}
}

// Middleware fits the events of its handler.
@Use(forAny, async (_event, context, next) => {
  context.log.info('around');
  await next();
})
@Plugin()
export class MiddlewarePlugin {
  @Use(forAny, forWatch, Gate)
  @Subscribe()
  one(_event: VideoWatchStarted) {}

  @Use(forAny, forBatch)
  @Subscribe(VideoWatchStarted, { batch: { size: 2 } })
  many(_events: VideoWatchStarted[]) {}

  @Use(async (event: Envelope, _context: EventContext, next: Next) => {
    isOf<string>()(event.event_id);
    await next();
  })
  @Subscribe(VideoWatchStarted)
  none() {}

  // @ts-expect-error: the middleware takes another event
  @Use(forWatch)
  @Subscribe()
  other(_event: BadgeAwarded) {}

  // @ts-expect-error: the middleware takes no batches
  @Use(Gate)
  @Subscribe(VideoWatchStarted, { batch: { size: 2 } })
  noBatch(_events: VideoWatchStarted[]) {}

  // @ts-expect-error: a class without handle
  @Use(NoMiddleware)
  @Subscribe()
  noMiddleware(_event: VideoWatchStarted) {}
}

// @ts-expect-error: the middleware of a plugin takes any event
@Use(forWatch)
@Plugin()
export class WrongMiddlewarePlugin {
  @Subscribe() one(_event: VideoWatchStarted) {}
}
