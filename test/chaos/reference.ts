import type { Envelope, Store } from 'jetplug/sdk';
import { AnalyticsPlugin } from '../../plugins/analytics.plugin';
import { BadgePlugin } from '../../plugins/badge.plugin';
import { UserFriendAdded, VideoPublished, VideoWatchStarted } from '../../plugins/contracts/streaming';
import { NotificationPlugin } from '../../plugins/notification.plugin';
import { RankingPlugin } from '../../plugins/ranking.plugin';
import { RecommendationPlugin } from '../../plugins/recommendation.plugin';
import { UserPreferencesPlugin } from '../../plugins/user-preferences.plugin';
import { contextOf, eventOf, MemoryStore, RecordingBus, settingsOf } from '../support/plugin-harness';
import type { StoredMessage } from '../support/stored';

/** The expected values of each plugin's store, as `key` or `scope/key`, by the plugin's name. */
export type Stores = Record<string, Record<string, unknown>>;

/** Runs the story's plugins over the events in the order of the stream, each on a store in memory. */
export async function referenceStores(events: readonly StoredMessage[]): Promise<Stores> {
  const stores = new PluginStores();
  const handlers = storyHandlers(stores);
  const counts: Record<string, number> = {};
  for (const { subject, json } of events) {
    if (subject === 'video.tick') countTick(counts, json<{ key: string }>().key);
    for (const handle of handlers[subject] ?? []) await handle(json<object>());
  }
  return { ...stores.all(), counting: counts };
}

type Handle = (event: object) => Promise<void>;

function storyHandlers(stores: PluginStores): Record<string, Handle[]> {
  const bus = new RecordingBus();
  const analytics = new AnalyticsPlugin(stores.of('analytics'), bus);
  const badge = new BadgePlugin(stores.of('badge'), bus, settingsOf(BadgePlugin));
  const notification = new NotificationPlugin(stores.of('notification'), bus);
  const ranking = new RankingPlugin(stores.of('ranking'), bus, settingsOf(RankingPlugin));
  const recommendation = new RecommendationPlugin(stores.of('recommendation'), bus, settingsOf(RecommendationPlugin));
  const preferences = new UserPreferencesPlugin(stores.of('user-preferences'), bus);
  const context = contextOf();
  return {
    'video.watch_started': [
      handler(VideoWatchStarted, (event) => analytics.count(event)),
      handler(VideoWatchStarted, (event) => badge.award(event)),
      handler(VideoWatchStarted, (event) => ranking.count(event)),
      handler(VideoWatchStarted, (event) => recommendation.learn(event, context)),
      handler(VideoWatchStarted, (event) => preferences.learn(event)),
    ],
    'video.published': [handler(VideoPublished, (event) => preferences.catalogue(event))],
    'user.friend_added': [handler(UserFriendAdded, (event) => notification.befriend(event))],
  };
}

function handler<E extends Envelope>(contract: Parameters<typeof eventOf<E>>[0], handle: (event: E) => Promise<void>) {
  return (fields: object): Promise<void> => {
    const { timestamp } = fields as { timestamp: string };
    return handle(eventOf(contract, fields as Omit<E, keyof Envelope>, timestamp));
  };
}

function countTick(counts: Record<string, number>, key: string): void {
  for (const each of ['total', `key.${key}`]) counts[each] = (counts[each] ?? 0) + 1;
}

/** A store in memory for each plugin, with access to all values. */
class PluginStores {
  private readonly stores = new Map<string, ScopedStore>();

  of<T>(plugin: string): Store<T> {
    const store = new ScopedStore();
    this.stores.set(plugin, store);
    return store as unknown as Store<T>;
  }

  all(): Stores {
    return Object.fromEntries([...this.stores].map(([plugin, store]) => [plugin, store.everything()]));
  }
}

class ScopedStore extends MemoryStore<unknown> {
  private readonly named = new Map<string, MemoryStore<unknown>>();

  override scope<U>(name: string): MemoryStore<U> {
    const scope = super.scope<U>(name);
    this.named.set(name, scope);
    return scope;
  }

  everything(): Record<string, unknown> {
    const scoped = [...this.named].flatMap(([name, store]) =>
      Object.entries(store.all()).map(([key, value]) => [`${name}/${key}`, value] as const),
    );
    return { ...this.all(), ...Object.fromEntries(scoped) };
  }
}
