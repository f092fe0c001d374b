import { JetplugError } from './errors';

/** Marks the classes that the host provides, whichever copy of this package a plugin was built with. */
export const TOKEN: unique symbol = Symbol.for('jetplug.token') as never;

/** What the host can give to a plugin's constructor. */
export type TokenName = 'bus' | 'store' | 'logger' | 'settings' | 'clock';

/** A method of each abstract service: a class that has it is the author's own, even if it extends the service. */
const METHOD: Readonly<Record<TokenName, string | undefined>> = {
  bus: 'publish',
  store: 'update',
  logger: 'info',
  clock: 'now',
  settings: undefined,
};

/** Which of the host's services a constructor parameter's type names, if any. */
export function tokenOf(type: unknown): TokenName | undefined {
  if (typeof type !== 'function') return undefined;
  const { [TOKEN]: name, prototype } = type as { [TOKEN]?: TokenName; prototype?: Record<string, unknown> };
  const method = name && METHOD[name];
  return method !== undefined && typeof prototype?.[method] === 'function' ? undefined : name;
}

/**
 * Called by the constructors of the abstract services: dependency injection would build an instance without methods.
 * @throws JetplugError `JP_INJECT_OUTSIDE_PLUGIN` when the service itself is built rather than a class that extends it
 */
export function refuseItself(built: unknown, service: { readonly name: string }): void {
  if (built !== service) return;
  throw new JetplugError('JP_INJECT_OUTSIDE_PLUGIN', `${service.name} cannot be built outside a plugin`);
}
