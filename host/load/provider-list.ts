import type { Provider } from '../../sdk';
import { JetplugError, type PluginClass } from '../../sdk/internal';
import { readMember, showThrown } from '../base/thrown';

/**
 * Returns the list that a providers file exports as default.
 * @throws JetplugError `JP_PROVIDERS_NOT_LOADED`
 */
export function providersIn(exports: unknown, file: string): readonly Provider[] {
  const refuse = (why: string): JetplugError => new JetplugError('JP_PROVIDERS_NOT_LOADED', why, { file, line: 1 });
  const list = readMember(exports, 'default');
  if (!Array.isArray(list)) throw refuse(`the default export is ${showThrown(list)}, which is no list of providers`);
  const seen = new Set<unknown>();
  for (const [index, entry] of (list as readonly unknown[]).entries()) {
    if (!isProvider(entry)) throw refuse(`entry ${index} of the default export is no provider: ${showThrown(entry)}`);
    const token = tokenOfProvider(entry);
    if (seen.has(token)) throw refuse(`two providers have the token ${tokenNameOf(token)}`);
    seen.add(token);
  }
  return list as readonly Provider[];
}

export function tokenOfProvider(provider: Provider): unknown {
  return typeof provider === 'function' ? provider : provider.token;
}

/** The class that is built for a provider; undefined for a value. */
export function classOfProvider(provider: Provider): PluginClass | undefined {
  if (typeof provider === 'function') return provider as unknown as PluginClass;
  return 'useClass' in provider ? (provider.useClass as unknown as PluginClass) : undefined;
}

export function tokenNameOf(token: unknown): string {
  return typeof token === 'function' ? token.name : String(token);
}

function isProvider(entry: unknown): entry is Provider {
  if (typeof entry === 'function') return true;
  const token = readMember(entry, 'token');
  if (!['string', 'symbol', 'function'].includes(typeof token)) return false;
  return typeof readMember(entry, 'useClass') === 'function' || Object.hasOwn(entry as object, 'useValue');
}
