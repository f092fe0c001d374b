import { Store, type ForEvent } from '../../sdk';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import { isPromise } from '../maybe-promise';
import { currentRun, currentScope, type Run } from '../message/run';
import { showThrown } from '../thrown';
import type { KeyValue } from './key-value';
import { KeyWriters } from './key-writers';
import { assertScope, escapeKey, unescapeKey } from './store-keys';
import type { Change } from './write-batch';

/** A plugin's store on a bucket; the scopes of one store share its writers. */
export class KvStore<T> extends Store<T> {
  constructor(
    private readonly bucket: KeyValue,
    private readonly writers = new KeyWriters(bucket),
    private readonly scopeName?: string,
  ) {
    super();
  }

  async get(key: string): Promise<T | undefined> {
    currentScope()?.assertLive('Store.get');
    const entry = await this.bucket.get(escapeKey(key, this.scopeName));
    return parse<T>(entry?.value);
  }

  async update(key: string, change: (current: T | undefined) => T, options: ForEvent = {}): Promise<T> {
    const run = currentRun('Store.update', options.for);
    const text = await this.write(key, run, (current) => {
      run?.assertLive('Store.update');
      return stringify(key, change(parse<T>(current)));
    });
    // What JSON made of it, so that a caller sees what is kept.
    // None only for a repeat of which nothing is left, which its writer has told.
    return parse<T>(text) as T;
  }

  async delete(key: string, options: ForEvent = {}): Promise<void> {
    const run = currentRun('Store.delete', options.for);
    await this.write(key, run, () => undefined);
  }

  async keys(): Promise<string[]> {
    currentScope()?.assertLive('Store.keys');
    const keys = (await this.bucket.keys()).map(unescapeKey);
    return keys.filter(({ scope }) => scope === this.scopeName).map(({ key }) => key);
  }

  /** Within a handler a change is applied once for its event, however often the event comes. */
  private async write(key: string, run: Run | undefined, change: Change): Promise<string | undefined> {
    const escaped = escapeKey(key, this.scopeName);
    if (!run) return this.writers.write(escaped, change);
    const before = run.appliedBefore(escaped);
    if (before) return before[2] ?? undefined;
    const author = run.authorOf(escaped);
    // Until it is answered, nobody knows whether it was applied.
    run.unanswered++;
    const text = await this.writers.write(escaped, change, author).catch((error: unknown) => {
      if (!isUnanswered(error)) run.unanswered--;
      throw error;
    });
    run.unanswered--;
    run.applied.push([escaped, author.ordinal, text ?? null]);
    return text;
  }

  scope<U>(name: string): Store<U> {
    if (this.scopeName !== undefined) {
      throw new JetplugError('JP_STORE_KEY_INVALID', `a scope has no scopes: ${this.scopeName} → ${name}`);
    }
    return new KvStore<U>(this.bucket, this.writers, assertScope(name));
  }
}

/** All else is known not to have been written. */
function isUnanswered(error: unknown): boolean {
  return isJetplugError(error) && error.code === 'JP_STORE_UNAVAILABLE';
}

function parse<T>(text: string | undefined): T | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

function stringify(key: string, next: unknown): string {
  if (isPromise(next)) {
    if (next instanceof Promise) next.catch(() => undefined); // said here instead: the function must be synchronous
    throw invalidValue(key, 'the function given to update is asynchronous; await before it and close over the result');
  }
  let text: unknown;
  try {
    text = JSON.stringify(next);
  } catch (cause) {
    throw invalidValue(key, `the new value is not JSON: ${showThrown(cause)}`, cause);
  }
  // Nothing comes of undefined, a function or a symbol, whatever the type of stringify says.
  if (typeof text !== 'string') throw invalidValue(key, `the function given to update returned ${typeof next}`);
  return text;
}

function invalidValue(key: string, why: string, cause?: unknown): JetplugError {
  return new JetplugError('JP_STORE_VALUE_INVALID', `Store.update(${JSON.stringify(key.slice(0, 60))}): ${why}`, {
    cause,
  });
}
