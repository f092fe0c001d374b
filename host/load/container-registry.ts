import { Lifecycle, type DependencyContainer } from 'tsyringe';

/** A registration under a token, in tsyringe's own form. */
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
    /**
     * The registrations by token. Calling `has` or `getAll` adds an empty entry, which keeps the token, and with it a
     * plugin's class, for ever.
     */
    readonly _registryMap: Map<unknown, Registration[]>;
  };
  getRegistration(token: unknown): Registration | null;
  /** Returns a function that resolves one constructor parameter of a class. */
  resolveParams(context: undefined, cls: unknown): (parameter: unknown, index: number) => unknown;
  getAllRegistrations(token: unknown): Registration[] | null;
}

export function internalsOf(container: DependencyContainer): ContainerInternals {
  return container as unknown as ContainerInternals;
}

/** The registrations of a token in the container itself. Reading them leaves no entry behind. */
export function ownRegistrationsOf(container: DependencyContainer, token: unknown): Registration[] | undefined {
  const registrations = internalsOf(container)._registry._registryMap.get(token);
  return registrations?.length ? registrations : undefined;
}

/** Whether a container builds one instance for the registration and keeps it. */
export function keepsInstance({ options }: Registration): boolean {
  return options.lifecycle === Lifecycle.Singleton || options.lifecycle === Lifecycle.ContainerScoped;
}
