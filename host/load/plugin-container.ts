import { container as globalContainer, Lifecycle, type DependencyContainer } from 'tsyringe';
import { internalsOf, keepsInstance, ownRegistrationsOf, type Registration } from './container-registry';
import { tokenOf, type TokenName } from './injectables';
import type { Provided } from './provided';

/** Returns a service of the host. `token` is the class that the plugin injects: `Store`, or a class that extends it. */
export type ServiceProvider = (name: TokenName, token: unknown) => unknown;

const providers = new WeakMap<DependencyContainer, ServiceProvider>();
const provided = new WeakMap<DependencyContainer, Provided>();

/**
 * Creates the dependency container of one plugin, a child of tsyringe's global one. Every class that it builds can
 * inject the host's services, whether by type, token, list, factory or `delay`. Registrations in it are visible to the
 * plugin alone. If the global container keeps one instance of a class, the plugin gets an instance of its own.
 * @param shared the objects of the plugin's folder; a registration of the plugin's own comes before them
 */
export function createPluginContainer(shared?: Provided): DependencyContainer {
  const child = globalContainer.createChildContainer();
  if (shared) provided.set(child, shared);
  const internals = internalsOf(child);
  const all = (token: unknown): Registration[] | null =>
    ownRegistrationsOf(child, token) ??
    sharedOf(child, token) ??
    serviceOf(child, token) ??
    adopt(child, token) ??
    null;
  internals.getAllRegistrations = all;
  // The last registration of a token counts.
  internals.getRegistration = (token) => all(token)?.at(-1) ?? null;
  return child;
}

/** Sets the source of the host's services for a plugin's container. */
export function provideServices(container: DependencyContainer, provider: ServiceProvider): void {
  providers.set(container, provider);
}

/** The registrations of a token that a plugin's container uses. */
export function registrationsOf(container: DependencyContainer, token: unknown): readonly Registration[] {
  return (
    ownRegistrationsOf(container, token) ??
    sharedOf(container, token) ??
    ownRegistrationsOf(globalContainer, token) ??
    []
  );
}

/** Whether a plugin gets the object of a token from its folder's providers. */
export function isProvided(container: DependencyContainer, token: unknown): boolean {
  return !ownRegistrationsOf(container, token) && provided.get(container)?.has(token) === true;
}

function sharedOf(container: DependencyContainer, token: unknown): Registration[] | undefined {
  const shared = provided.get(container)?.registrationsOf(token);
  return shared && [...shared];
}

/**
 * Returns the host's service for a token, if the token names one. A service is recognised by its mark, not by its
 * identity, because a plugin may have its own copy of the SDK.
 */
function serviceOf(container: DependencyContainer, token: unknown): Registration[] | undefined {
  const name = tokenOf(token);
  const provide = name && providers.get(container);
  if (!provide) return undefined;
  return [{ provider: { useValue: provide(name, token) }, options: { lifecycle: Lifecycle.Transient } }];
}

/**
 * Copies the registrations of a package's `@singleton()` or scoped class, because the shared instance would hold the
 * services of the plugin that built it.
 */
function adopt(container: DependencyContainer, token: unknown): Registration[] | undefined {
  const registrations = ownRegistrationsOf(globalContainer, token);
  if (!registrations?.some(keepsInstance)) return registrations;
  const own = registrations.map((one) => (keepsInstance(one) ? { provider: one.provider, options: one.options } : one));
  internalsOf(container)._registry.setAll(token, own);
  return own;
}
