import { Store, type ForEvent } from '../../sdk';
import { JetplugError } from '../../sdk/internal';
import { findInexactNumber, refuseInexact } from '../base/exact-numbers';
import { isPromise, type MaybePromise } from '../base/maybe-promise';
import { plainError } from '../base/plain-error';
import { showThrown } from '../base/thrown';
import { equalsItsJson, findNotJson, NOT_JSON_HINT } from './json-value';
import { assertScope } from './store-keys';

/** A store's values as texts, each in one scope or in none. */
export interface StoreTexts {
  get(key: string, scope: string | undefined): Promise<string | undefined>;
  /**
   * Changes a text. Resolves with the new text once that is stored, or with `undefined` if the key then has no value.
   */
  change(
    key: string,
    scope: string | undefined,
    change: (current: string | undefined) => MaybePromise<string | undefined>,
    options: ForEvent & { what: string },
  ): Promise<string | undefined>;
  keys(scope: string | undefined): Promise<string[]>;
  /** Commits what the run has changed and published so far. */
  commit(): Promise<void>;
}

/** The author's view of a store: values and scopes. */
export class TextStore<T> extends Store<T> {
  constructor(
    private readonly texts: StoreTexts,
    private readonly scopeName?: string,
  ) {
    super();
  }

  async get(key: string): Promise<T | undefined> {
    return parse<T>(key, await this.texts.get(key, this.scopeName));
  }

  async update(key: string, change: (current: T | undefined) => T, options: ForEvent = {}): Promise<T> {
    let computed: T | undefined;
    const next = (current: string | undefined): string => {
      computed = change(parse<T>(key, current));
      return stringify(key, computed);
    };
    const text = await this.texts.change(key, this.scopeName, next, { ...options, what: 'Store.update' });
    // The caller sees the stored value, also where JSON changes the computed one.
    return equalsItsJson(computed) ? computed! : (JSON.parse(text!) as T);
  }

  async delete(key: string, options: ForEvent = {}): Promise<void> {
    await this.texts.change(key, this.scopeName, () => undefined, { ...options, what: 'Store.delete' });
  }

  keys(): Promise<string[]> {
    return this.texts.keys(this.scopeName);
  }

  commit(): Promise<void> {
    return this.texts.commit();
  }

  scope<U>(name: string): Store<U> {
    if (this.scopeName !== undefined) {
      throw new JetplugError('JP_STORE_KEY_INVALID', `a scope has no scopes: ${this.scopeName} → ${name}`);
    }
    return new TextStore<U>(this.texts, assertScope(name));
  }
}

/**
 * Parses a stored text, which another program may have written.
 * @throws JetplugError `JP_NUMBER_INEXACT`, `JP_STORE_VALUE_INVALID` when the text is not JSON
 */
function parse<T>(key: string, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  let value: T;
  try {
    value = JSON.parse(text) as T;
  } catch (cause) {
    const message = `the store's value at ${shownKey(key)} is not JSON`;
    throw new JetplugError('JP_STORE_VALUE_INVALID', message, {
      cause,
      hint: 'Another program wrote it: fix it there.',
    });
  }
  if (mayHoldNumber(value) && findInexactNumber(text)) refuseInexact(text, `the store's value at ${shownKey(key)}`);
  return value;
}

function mayHoldNumber(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'object' && value !== null);
}

function stringify(key: string, next: unknown): string {
  if (isPromise(next)) {
    if (next instanceof Promise) next.catch(() => undefined); // the error below replaces its rejection
    throw invalidValue(key, 'the function given to update is asynchronous; await before it and close over the result');
  }
  const found = findNotJson(next);
  if (found) {
    const { path, what } = found;
    const where = path === '' ? 'the new value' : `${path} of the new value`;
    throw invalidValue(key, `${where} is ${what}`, { hint: NOT_JSON_HINT });
  }
  let text: unknown;
  try {
    text = JSON.stringify(next);
  } catch (cause) {
    throw invalidValue(key, `the new value is not JSON: ${showThrown(cause)}`, { cause: plainError(cause) });
  }
  // JSON.stringify returns undefined for undefined, a function or a symbol, whatever its type says.
  if (typeof text !== 'string') throw invalidValue(key, `the function given to update returned ${typeof next}`);
  return text;
}

function shownKey(key: string): string {
  return JSON.stringify(key.slice(0, 60));
}

function invalidValue(key: string, why: string, details: { cause?: unknown; hint?: string } = {}): JetplugError {
  return new JetplugError('JP_STORE_VALUE_INVALID', `Store.update(${shownKey(key)}): ${why}`, details);
}
