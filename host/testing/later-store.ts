import { Store } from '../../sdk';

/** A store that is still being opened. Each call waits until it is open. */
export class LaterStore<T> extends Store<T> {
  constructor(private readonly store: Promise<Store<T>>) {
    super();
  }

  async get(key: string): Promise<T | undefined> {
    return (await this.store).get(key);
  }
  async update(key: string, change: (current: T | undefined) => T): Promise<T> {
    return (await this.store).update(key, change);
  }
  async delete(key: string): Promise<void> {
    return (await this.store).delete(key);
  }
  async keys(): Promise<string[]> {
    return (await this.store).keys();
  }
  async commit(): Promise<void> {
    return (await this.store).commit();
  }
  scope<U>(name: string): Store<U> {
    return new LaterStore<U>(this.store.then((store) => store.scope<U>(name)));
  }
}
