import { JetplugError } from './errors';

/** The mark of the classes that the host provides. It is the same in every copy of this package. */
export const TOKEN: unique symbol = Symbol.for('jetplug.token') as never;

/**
 * The services that a plugin's constructor can inject, and a method of each abstract one: a class that implements it is
 * the author's own, even if it extends the service. `host/load/instantiate.ts` provides each service.
 */
const METHOD = {
  bus: 'publish',
  store: 'update',
  logger: 'info',
  clock: 'now',
  settings: undefined,
} as const;

export type TokenName = keyof typeof METHOD;

/** The host's service that a constructor parameter's type names, if any. */
export function tokenOf(type: unknown): TokenName | undefined {
  if (typeof type !== 'function') return undefined;
  const { [TOKEN]: name, prototype } = type as { [TOKEN]?: TokenName; prototype?: Record<string, unknown> };
  const method = name && METHOD[name];
  return method !== undefined && typeof prototype?.[method] === 'function' ? undefined : name;
}

/**
 * Called by the constructors of the abstract services: dependency injection outside of a plugin would build an instance
 * without methods.
 * @throws JetplugError `JP_INJECT_OUTSIDE_PLUGIN` if the service itself is built, rather than a class that extends it
 */
export function refuseItself(built: unknown, service: { readonly name: string }): void {
  if (built !== service) return;
  throw new JetplugError('JP_INJECT_OUTSIDE_PLUGIN', `${service.name} cannot be built outside a plugin`);
}
