import { JetplugError } from './errors';

/** The mark of the classes that the host provides. It is the same in every copy of this package. */
export const TOKEN: unique symbol = Symbol.for('jetplug.token') as never;

/**
 * Refuses to build an abstract service. The constructors of the abstract services call this function, because dependency
 * injection outside of a plugin would build an instance without methods.
 * @throws JetplugError `JP_INJECT_OUTSIDE_PLUGIN` if the service itself is built, rather than a class that extends it
 */
export function refuseItself(built: unknown, service: { readonly name: string }): void {
  if (built !== service) return;
  throw new JetplugError('JP_INJECT_OUTSIDE_PLUGIN', `${service.name} cannot be built outside a plugin`);
}
