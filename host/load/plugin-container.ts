import { container as globalContainer, Lifecycle, type DependencyContainer } from 'tsyringe';
import { tokenOf, type TokenName } from '../../sdk/internal';
import { internalsOf, keepsInstance, ownRegistrationsOf, type Registration } from './container-registry';

/** Gives a service of the host to a class of the plugin, by the class that it asks with: `Store`, or one derived from it. */
export type ServiceProvider = (name: TokenName, token: unknown) => unknown;

const providers = new WeakMap<DependencyContainer, ServiceProvider>();

/**
 * The dependency container of one plugin, below tsyringe's global one. It gives the host's services to every class
 * that it builds, however that class is asked for: by type, token, list, factory or `delay`. The plugin alone sees what
 * it registers here. Where a registration of the global container keeps an instance, the plugin gets one of its own.
 */
export function createPluginContainer(): DependencyContainer {
  const child = globalContainer.createChildContainer();
  const internals = internalsOf(child);
  const all = (token: unknown): Registration[] | null =>
    ownRegistrationsOf(child, token) ?? serviceOf(child, token) ?? adopt(child, token) ?? null;
  internals.getAllRegistrations = all;
  // The last registration of a token counts.
  internals.getRegistration = (token) => all(token)?.at(-1) ?? null;
  return child;
}

/** Makes the host's services known to a plugin's container. */
export function provideServices(container: DependencyContainer, provider: ServiceProvider): void {
  providers.set(container, provider);
}

/** What a token is registered as, as a plugin's container sees it. */
export function registrationsOf(container: DependencyContainer, token: unknown): readonly Registration[] {
  return ownRegistrationsOf(container, token) ?? ownRegistrationsOf(globalContainer, token) ?? [];
}

/** A service is known by its mark, not its identity: a plugin may carry its own copy of the SDK. */
function serviceOf(container: DependencyContainer, token: unknown): Registration[] | undefined {
  const name = tokenOf(token);
  const provide = name && providers.get(container);
  if (!provide) return undefined;
  return [{ provider: { useValue: provide(name, token) }, options: { lifecycle: Lifecycle.Transient } }];
}

/** The instance of a package's `@singleton()` or scoped class holds the services of the plugin that asked first. */
function adopt(container: DependencyContainer, token: unknown): Registration[] | undefined {
  const registrations = ownRegistrationsOf(globalContainer, token);
  if (!registrations?.some(keepsInstance)) return registrations;
  const own = registrations.map((one) => (keepsInstance(one) ? { provider: one.provider, options: one.options } : one));
  internalsOf(container)._registry.setAll(token, own);
  return own;
}
