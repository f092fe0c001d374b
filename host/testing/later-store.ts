import { Store } from '../../sdk';
import { inBackgroundOf } from '../message/run';

/**
 * A store that is still being opened. Each call waits until it is open. A call belongs to the test and to no run, also
 * if a handler of the test makes it.
 */
export class LaterStore<T> extends Store<T> {
  constructor(
    private readonly plugin: string,
    private readonly store: Promise<Store<T>>,
  ) {
    super();
  }

  get(key: string): Promise<T | undefined> {
    return this.call((store) => store.get(key));
  }
  update(key: string, change: (current: T | undefined) => T): Promise<T> {
    return this.call((store) => store.update(key, change));
  }
  delete(key: string): Promise<void> {
    return this.call((store) => store.delete(key));
  }
  keys(): Promise<string[]> {
    return this.call((store) => store.keys());
  }
  commit(): Promise<void> {
    return this.call((store) => store.commit());
  }
  scope<U>(name: string): Store<U> {
    return new LaterStore<U>(
      this.plugin,
      this.store.then((store) => store.scope<U>(name)),
    );
  }

  private call<R>(use: (store: Store<T>) => Promise<R>): Promise<R> {
    return inBackgroundOf(this.plugin, async () => use(await this.store));
  }
}
