import { Settings, type Clock, type EventBus, type Logger, type Store } from '../../sdk/index';
import { TOKEN } from '../../sdk/internal';
import { LateTexts } from '../effects/late-texts';
import { TextStore, type StoreTexts } from '../effects/text-store';

/** The values that a plugin's classes can inject: the host's services, and the plugin's validated settings. */
export interface Injectables {
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Store;
  readonly settings: Settings<unknown>;
}

export type TokenName = keyof Injectables;

/** The host's services for one plugin. */
export interface PluginServices {
  readonly log: Logger;
  readonly clock: Clock;
  readonly bus: EventBus;
  /** Opens the plugin's store. The call comes once, and only if the plugin uses its store. */
  openTexts(): Promise<StoreTexts>;
}

/**
 * A method of each service's abstract class. A class that implements the method is the author's own, even if it extends
 * the service. To add an injectable: write its class in `sdk/`, export it from `sdk/index.ts`, and add it to this file.
 */
const METHOD: Readonly<Record<TokenName, string | undefined>> = {
  bus: 'publish',
  clock: 'now',
  logger: 'info',
  store: 'update',
  settings: undefined,
};

/** The injectable that a constructor parameter's type names, if any. */
export function tokenOf(type: unknown): TokenName | undefined {
  if (typeof type !== 'function') return undefined;
  const { [TOKEN]: name, prototype } = type as { [TOKEN]?: TokenName; prototype?: Record<string, unknown> };
  const method = name && METHOD[name];
  return method !== undefined && typeof prototype?.[method] === 'function' ? undefined : name;
}

/** Opens the store of a plugin that injects it, so that the plugin does not start without its store. */
export async function openInjectables(
  { log, clock, bus, openTexts }: PluginServices,
  asked: readonly TokenName[],
  settings: unknown,
): Promise<Injectables> {
  const texts = asked.includes('store') ? await openTexts() : new LateTexts(openTexts);
  return { bus, clock, logger: log, store: new TextStore(texts), settings: new Settings<unknown>(settings as object) };
}

/**
 * Returns the object to inject for a type. An author may extend `Settings` to write the type of the settings only once.
 */
export function injectableFor(name: TokenName, type: unknown, injectables: Injectables): unknown {
  if (name !== 'settings' || type === Settings) return injectables[name];
  return new (type as typeof Settings)(injectables.settings.value);
}
