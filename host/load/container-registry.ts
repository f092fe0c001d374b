import { Lifecycle, type DependencyContainer } from 'tsyringe';

/** How tsyringe keeps what is registered under a token. */
export interface Registration {
  readonly provider: {
    readonly useClass?: unknown;
    readonly useToken?: unknown;
    readonly useFactory?: unknown;
    readonly useValue?: unknown;
  };
  readonly options: { readonly lifecycle: Lifecycle };
  instance?: unknown;
}

/** The parts of tsyringe's container that its types leave out. */
export interface ContainerInternals {
  readonly _registry: {
    has(token: unknown): boolean;
    getAll(token: unknown): Registration[];
    setAll(token: unknown, registrations: Registration[]): void;
    /** Asking `has` or `getAll` adds an empty entry, which keeps the token, and so a plugin's class, for good. */
    readonly _registryMap: Map<unknown, Registration[]>;
  };
  getRegistration(token: unknown): Registration | null;
  /** Gives what resolves one constructor parameter of a class. */
  resolveParams(context: undefined, cls: unknown): (parameter: unknown, index: number) => unknown;
  getAllRegistrations(token: unknown): Registration[] | null;
}

export function internalsOf(container: DependencyContainer): ContainerInternals {
  return container as unknown as ContainerInternals;
}

/** What is registered under a token in the container itself, without a trace of the question. */
export function ownRegistrationsOf(container: DependencyContainer, token: unknown): Registration[] | undefined {
  const registrations = internalsOf(container)._registry._registryMap.get(token);
  return registrations?.length ? registrations : undefined;
}

/** Whether it makes one instance and keeps it, in its container or in that of whoever asks. */
export function keepsInstance({ options }: Registration): boolean {
  return options.lifecycle === Lifecycle.Singleton || options.lifecycle === Lifecycle.ContainerScoped;
}
