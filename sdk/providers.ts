type Class = new (...args: never[]) => object;
type ProviderToken = string | symbol | (abstract new (...args: never[]) => unknown);

/**
 * An object that the plugins of a folder share: a class, which is its own token; a class under another token; or a value. A class
 * may inject `Logger`, `Clock` and the other providers. If a provided object has the methods `onStart` and `onStop`, they
 * run at the start and at the stop of the host.
 */
export type Provider =
  | Class
  | { readonly token: ProviderToken; readonly useClass: Class }
  | { readonly token: ProviderToken; readonly useValue: unknown };

/**
 * The providers of a plugins folder: the default export of its file `providers.ts`. They start in this order and stop in
 * the opposite order.
 *
 * ```ts
 * export default [Database, { token: 'REGION', useValue: 'eu' }] satisfies Providers;
 * ```
 */
export type Providers = readonly Provider[];
