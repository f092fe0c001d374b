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

type MiddlewareClass<E> = new (...args: never[]) => Middleware<E>;

/** Refuses a middleware that takes no batches, or only some events, on a plugin, whose handlers may take any. */
type ForAnyEvent<E> = [HandledEvent] extends [E]
  ? unknown
  : 'a middleware of a plugin takes any event, and batches: (event: Envelope | readonly Envelope[], …)';

/** Refuses a middleware that takes other events than the handler. */
type Fits<Event, E> = unknown extends Event
  ? unknown
  : [Event] extends [E]
    ? unknown
    : 'the middleware takes another event than the handler';

interface UseDecorator<E> {
  <Target extends abstract new (...args: never[]) => object>(target: Target & ForAnyEvent<E>): void;
  <Event>(
    target: object,
    method: string,
    descriptor: { value?: ((event: Event, ...rest: never[]) => unknown) & Fits<Event, E> },
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
export function Use<E = HandledEvent>(
  ...middleware: readonly (MiddlewareFunction<E> | MiddlewareClass<E>)[]
): UseDecorator<E> {
  return (target: object, method?: unknown) => {
    if (typeof method === 'object') throw standardDecorator('@Use');
    if (!Object.hasOwn(target, USES_MARK)) Object.defineProperty(target, USES_MARK, { value: [] });
    const { [USES_MARK]: marks } = target as { [USES_MARK]: UseMark[] };
    // The lowest decorator is applied first, and the highest is to be the outermost.
    marks.unshift({ method: method as string | undefined, middleware });
  };
}
