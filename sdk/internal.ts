/** The parts of the SDK that the host uses, such as the marks of the decorators. Not for plugins. */
import 'reflect-metadata';
import { USES_MARK, type UseMark } from './middleware';
import { PLUGIN_MARK, type PluginMark } from './plugin';
import { HANDLERS_MARK, type HandlerMark } from './subscribe';

export type { CloudEvent } from './context';
export { durationMs, formatDuration, parseDuration, type Duration } from './duration';
export { JetplugError, isErrorCode, isJetplugError, type ErrorCode, type ErrorReport } from './errors';
export { declaredSubjects, isEventContract, isSchema, type Envelope, type EventContract } from './event';
export { topFrame, type Location } from './location';
export { kebabCase, pluginNameOf } from './names';
export { isBatchFailure, isReject, isRetryLater } from './outcome';
export { ISOLATIONS, type Isolation, type PluginLifecycle, type PluginOptions } from './plugin';
export type { BatchOptions, RateOptions, RetryOptions, Start, SubscribeOptions } from './subscribe';
export { covers, isPublishSubject, isSubscribeSubject } from './subject';
export { TOKEN } from './token';
export type { HandlerMark, PluginMark };

export type PluginClass = (new (...args: unknown[]) => object) & { readonly name: string };

/** The mark of `@Plugin` on a class itself. A subclass without the decorator is not a plugin. */
export function pluginMark(value: unknown): PluginMark | undefined {
  if (typeof value !== 'function' || !Object.hasOwn(value, PLUGIN_MARK)) return undefined;
  return (value as unknown as { [PLUGIN_MARK]: PluginMark })[PLUGIN_MARK];
}

/** The marks of `@Subscribe` on a class and its parents. A mark of a subclass replaces its parent's mark of the same method. */
export function handlerMarks(cls: PluginClass): readonly HandlerMark[] {
  const marks: HandlerMark[] = [];
  for (let level = cls.prototype as object | null; level; level = Object.getPrototypeOf(level) as object | null) {
    if (!Object.hasOwn(level, HANDLERS_MARK)) continue;
    const known = new Set(marks.map(({ method }) => method));
    const own = (level as { [HANDLERS_MARK]: HandlerMark[] })[HANDLERS_MARK];
    marks.unshift(...own.filter(({ method }) => !known.has(method)));
  }
  return marks;
}

/** The marks of `@Subscribe` on static members of a class and its parents, which the host would never call. */
export function staticHandlerMarks(cls: PluginClass): readonly HandlerMark[] {
  const marks: HandlerMark[] = [];
  for (let level: unknown = cls; typeof level === 'function'; level = Object.getPrototypeOf(level)) {
    if (!Object.hasOwn(level, HANDLERS_MARK)) continue;
    marks.push(...(level as unknown as { [HANDLERS_MARK]: HandlerMark[] })[HANDLERS_MARK]);
  }
  return marks;
}

/** The middleware that `@Use` puts around a plugin's handlers. */
export interface UsedMiddleware {
  /** The middleware of the class, with that of its parents first. */
  readonly ofPlugin: readonly unknown[];
  /** The middleware of each method. A mark of a subclass replaces its parent's mark of the same method. */
  readonly ofMethods: ReadonlyMap<string, readonly unknown[]>;
  /** The static members with `@Use`. */
  readonly ofStatics: readonly string[];
}

export function usedMiddleware(cls: PluginClass): UsedMiddleware {
  const ofClasses = levelsOf(cls).flatMap(ownUses);
  const ofMethods = new Map<string, unknown[]>();
  for (const level of levelsOf(cls.prototype as object)) {
    const own = new Map<string, unknown[]>();
    for (const { method, middleware } of ownUses(level)) own.set(method!, [...(own.get(method!) ?? []), ...middleware]);
    for (const [method, middleware] of own) ofMethods.set(method, middleware);
  }
  return {
    ofPlugin: ofClasses.flatMap(({ method, middleware }) => (method === undefined ? middleware : [])),
    ofMethods,
    ofStatics: ofClasses.flatMap(({ method }) => method ?? []),
  };
}

/** An object and its prototypes, the outermost prototype first. */
function levelsOf(object: object): object[] {
  const levels: object[] = [];
  for (let level: object | null = object; level; level = Object.getPrototypeOf(level) as object | null)
    levels.unshift(level);
  return levels;
}

function ownUses(level: object): readonly UseMark[] {
  return Object.hasOwn(level, USES_MARK) ? (level as { [USES_MARK]: UseMark[] })[USES_MARK] : [];
}

/** The parameter types of a method, or of the constructor, in the compiler's decorator metadata. */
export function parameterTypes(cls: PluginClass, method?: string): unknown[] | undefined {
  const types: unknown =
    method === undefined
      ? Reflect.getMetadata('design:paramtypes', cls)
      : Reflect.getMetadata('design:paramtypes', cls.prototype as object, method);
  return types as unknown[] | undefined;
}
