/** Plugins for proofs with several hosts: one whose handler keeps the order by key, and one whose handler all hosts share. */
import type { NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { pluginSource } from '../support/plugin-source';
import { readStore, readStream, type StoredMessage } from '../support/stored';
import type { Ledger } from './ledger';
import type { Outgoing } from './load';

const KEYS = 30;
/** One in this many events of the shared handler publishes an event. */
const EVENTS_PER_PUBLISH = 5;
const COUNTED = 'counted';

/** The state of one key in a plugin's store. */
interface Kept {
  readonly count: number;
  /** The sum of the events' numbers. */
  readonly sum: number;
  /** The sequence of the last event. */
  readonly last: number;
  /** How many events came after a later one. */
  readonly wrong: number;
}

/** The source of the i-th plugin in order. It records each of its runs. */
export function orderedPlugin(i: number, ledger: Ledger, version = 'v1'): string {
  return keepingPlugin(`Ordered${i}`, ledger, { options: `key: 'user_id', concurrency: 16`, version });
}

/** The source of the shared plugin. It records each of its runs. */
export function countedPlugin(ledger: Ledger, version = 'v1'): string {
  const publish = `if (event.n % ${EVENTS_PER_PUBLISH} === 0) await this.events.publish('badge.counted', { sequence: context.sequence });`;
  return keepingPlugin('Counted', ledger, { options: 'concurrency: 16', version, publish });
}

function keepingPlugin(
  name: string,
  ledger: Ledger,
  { options, version, publish = '' }: { options: string; version: string; publish?: string },
): string {
  return pluginSource(
    `${name}Plugin`,
    `  constructor(
    private readonly kept: Store<{ count: number; sum: number; last: number; wrong: number }>,
    private readonly events: EventBus,
  ) {}
  @Subscribe('video.${name.toLowerCase()}', { from: 'beginning', ${options} })
  async handle(event: any, context: EventContext) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    await this.kept.update(event.user_id, ({ count, sum, last, wrong } = { count: 0, sum: 0, last: 0, wrong: 0 }) => ({
      count: count + 1,
      sum: sum + event.n,
      last: Math.max(last, context.sequence),
      wrong: wrong + (context.sequence > last ? 0 : 1),
    }));
    ${publish}
    note('end', '${version}', event);
  }`,
    { before: ledger.source },
  );
}

/** The n-th event of a load on so many handlers in order. */
export function orderedEvent(n: number, handlers: number): Outgoing {
  return { subject: `video.ordered${n % handlers}`, event: { user_id: `u${Math.floor(n / handlers) % KEYS}`, n } };
}

/** The n-th event of a load on the shared handler. */
export function countedEvent(n: number): Outgoing {
  return { subject: `video.${COUNTED}`, event: { user_id: `u${n % KEYS}`, n } };
}

export interface SpreadFaults {
  /** The events that were not counted, and the surplus counts. */
  readonly lost: number;
  readonly doubled: number;
  /** The keys of which the store is not as the stream says. */
  readonly wrongKeys: number;
  /** How often an event with a key came after a later event of it. */
  readonly outOfOrder: number;
  readonly notPublished: number;
  readonly publishedTwice: number;
  readonly letters: number;
}

export const NO_SPREAD_FAULTS: SpreadFaults = {
  ...{ lost: 0, doubled: 0, wrongKeys: 0, outOfOrder: 0, notPublished: 0, publishedTwice: 0, letters: 0 },
};

/** Compares stores and published events with the events of the stream. */
export async function spreadFaults(nats: NatsConnection): Promise<SpreadFaults & { readonly events: number }> {
  const all = await readStream(nats, 'EVENTS');
  const causes = all.filter(({ subject }) => subject.startsWith('video.'));
  const plugins = new Set(causes.map(({ subject }) => subject.slice('video.'.length)));
  const found = { lost: 0, doubled: 0, wrongKeys: 0, outOfOrder: 0 };
  for (const plugin of plugins) {
    const store = (await readStore(nats, plugin)) as Record<string, Kept | undefined>;
    for (const [key, expected] of expectedOf(causes.filter(({ subject }) => subject === `video.${plugin}`))) {
      const { count = 0, sum = 0, last = 0, wrong = 0 } = store[key] ?? {};
      found.lost += Math.max(0, expected.count - count);
      found.doubled += Math.max(0, count - expected.count);
      if (count !== expected.count || sum !== expected.sum || last !== expected.last) found.wrongKeys++;
      if (plugin !== COUNTED) found.outOfOrder += wrong;
    }
  }
  return { events: causes.length, ...found, ...publishedOf(all), letters: (await storedLetters(nats)).length };
}

function expectedOf(events: readonly StoredMessage[]): Map<string, Pick<Kept, 'count' | 'sum' | 'last'>> {
  const expected = new Map<string, Pick<Kept, 'count' | 'sum' | 'last'>>();
  for (const { sequence, json } of events) {
    const { user_id: key, n } = json<{ user_id: string; n: number }>();
    const { count, sum } = expected.get(key) ?? { count: 0, sum: 0 };
    expected.set(key, { count: count + 1, sum: sum + n, last: sequence });
  }
  return expected;
}

function publishedOf(all: readonly StoredMessage[]): Pick<SpreadFaults, 'notPublished' | 'publishedTwice'> {
  const published = all
    .filter(({ subject }) => subject === 'badge.counted')
    .map(({ json }) => json<{ sequence: number }>().sequence);
  const once = new Set(published);
  const causes = all.filter(
    ({ subject, json }) => subject === `video.${COUNTED}` && json<{ n: number }>().n % EVENTS_PER_PUBLISH === 0,
  );
  return {
    notPublished: causes.filter(({ sequence }) => !once.has(sequence)).length,
    publishedTwice: published.length - once.size,
  };
}
