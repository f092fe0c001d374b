import { types } from 'node:util';
import type { PluginClass } from '../../sdk/internal';
import { readMember } from '../base/thrown';

/** A middleware as `@Use` or a module of the config gives it: a function, or a class that a plugin's container builds. */
export type DeclaredMiddleware = PluginClass | ((...args: never[]) => unknown);

/** The middleware around each handler, by the handler's method; the outermost first. */
export type MiddlewareByMethod = ReadonlyMap<string, readonly DeclaredMiddleware[]>;

/** Whether a value can run around a handler. The body of a generator would never run. */
export function isMiddleware(value: unknown): value is DeclaredMiddleware {
  if (typeof value !== 'function') return false;
  return isMiddlewareClass(value) || !(isClass(value) || types.isGeneratorFunction(value));
}

export function isMiddlewareClass(value: unknown): value is PluginClass {
  const handle = readMember(readMember(value, 'prototype'), 'handle');
  return typeof handle === 'function' && !types.isGeneratorFunction(handle);
}

export function nameOfMiddleware({ name }: DeclaredMiddleware): string {
  return name === '' ? 'a function without a name' : name;
}

/** The classes among the middleware, each once. */
export function middlewareClasses(middleware: MiddlewareByMethod): PluginClass[] {
  return [...new Set([...middleware.values()].flat().filter(isMiddlewareClass))];
}

/** Whether a function was written as a class. */
export function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}
