import type { DependencyContainer } from 'tsyringe';
import { Lifecycle } from 'tsyringe';
import type { Registration } from './container-registry';

/** The objects that the plugins of a folder share, by token, for the containers of these plugins. */
export class Provided {
  private readonly registrations = new Map<unknown, readonly Registration[]>();

  /** @param source the container that builds the objects, once each */
  constructor(tokens: readonly unknown[], source: DependencyContainer) {
    for (const token of tokens) {
      const provider = { useFactory: () => source.resolve(token as never) };
      this.registrations.set(token, [{ provider, options: { lifecycle: Lifecycle.Transient } }]);
    }
  }

  has(token: unknown): boolean {
    return this.registrations.has(token);
  }

  registrationsOf(token: unknown): readonly Registration[] | undefined {
    return this.registrations.get(token);
  }
}
