import type { BatchContext, EventContext } from './context';
import type { Envelope } from './event';
import { standardDecorator } from './standard-decorator';

/** The first parameter of a middleware: the handler's event, or the events of its batch. */
export type HandledEvent = Envelope | readonly Envelope[];

/** The context that the handler of an event, or of a batch, gets. */
export type ContextOf<E> = unknown extends E
  ? EventContext | BatchContext
  : E extends readonly unknown[]
    ? BatchContext
    : EventContext;

/**
 * Calls the next middleware, or the handler after the last one. Resolves when it has returned; rejects with the value
 * that it throws. A middleware calls it at most once.
 * @throws JetplugError `JP_MIDDLEWARE_NEXT` at a second call, or after the middleware has returned; `JP_RUN_OVER` after
 * the handler's timeout
 */
export type Next = () => Promise<void>;

/**
 * Code that runs around handlers. A value that it throws counts as thrown by the handler. If it returns without calling
 * `next`, the handler is not called and the event is handled. The handler's timeout includes the time of the middleware.
 *
 * A middleware of one handler may name the handler's event: `MiddlewareFunction<VideoWatchStarted>`. By default it takes
 * single events and batches: the handler of a batch is called once, and so is the middleware.
 *
 * ```ts
 * const timed: MiddlewareFunction = async (event, context, next) => {
 *   const startedMs = performance.now();
 *   await next();
 *   context.log.info('handled', { tookMs: performance.now() - startedMs });
 * };
 * ```
 */
export type MiddlewareFunction<E = HandledEvent> = (event: E, context: ContextOf<E>, next: Next) => unknown;

/**
 * A middleware as a class. The container of each plugin builds it once, with the services that its constructor injects.
 */
export interface Middleware<E = HandledEvent> {
  readonly handle: MiddlewareFunction<E>;
}

type AnyContext = EventContext | BatchContext;

/** A middleware as the parameters of its function show it. */
type Given<E, C> =
  | ((event: E, context: C, next: Next) => unknown)
  | (new (...args: never[]) => { readonly handle: (event: E, context: C, next: Next) => unknown });

/** Refuses a middleware that takes no batches, or only some events, on a plugin, whose handlers may take any. */
type ForAnyEvent<E, C> = [HandledEvent, AnyContext] extends [E, C]
  ? never
  : 'a middleware of a plugin takes any event, and batches: (event: Envelope | readonly Envelope[], …)';

/** Refuses a middleware that takes other events than the handler. */
type Fits<Method extends (...args: never[]) => unknown, E, C> =
  Parameters<Method> extends [infer Event, ...unknown[]]
    ? [Event, ContextOf<Event>] extends [E, C]
      ? never
      : 'the middleware takes another event than the handler'
    : never;

interface UseDecorator<E, C> {
  <Target extends abstract new (...args: never[]) => object>(
    target: [ForAnyEvent<E, C>] extends [never] ? Target : ForAnyEvent<E, C>,
  ): void;
  <Method extends (...args: never[]) => unknown>(
    target: object,
    method: [Fits<Method, E, C>] extends [never] ? string : Fits<Method, E, C>,
    descriptor: { value?: Method },
  ): void;
}

/** The middleware of a class, where `method` is undefined, or of a method. */
export interface UseMark {
  readonly method: string | undefined;
  readonly middleware: readonly unknown[];
}

export const USES_MARK: unique symbol = Symbol.for('jetplug.uses') as never;

/**
 * Puts middleware around each handler of a plugin, or around one handler. The first one is the outermost. The middleware
 * of the config (`plugins.use`) runs around that of the plugin, which runs around that of the handler.
 *
 * ```ts
 * @Use(timed)
 * @Plugin()
 * export class BadgePlugin {
 *   @Use(OnlyOnce)
 *   @Subscribe()
 *   async award(event: VideoWatchStarted) { … }
 * }
 * ```
 *
 * @param middleware functions, and classes with the method `handle`
 */
export function Use<E = HandledEvent, C = AnyContext>(...middleware: readonly Given<E, C>[]): UseDecorator<E, C> {
  const decorate = (target: object, method?: unknown): void => {
    if (typeof method === 'object') throw standardDecorator('@Use');
    if (!Object.hasOwn(target, USES_MARK)) Object.defineProperty(target, USES_MARK, { value: [] });
    const { [USES_MARK]: marks } = target as { [USES_MARK]: UseMark[] };
    // The lowest decorator is applied first, and the highest is to be the outermost.
    marks.unshift({ method: method as string | undefined, middleware });
  };
  return decorate as never;
}
