import type { BatchContext, EventContext } from './context';
import type { Duration } from './duration';
import { isEventContract, type EventContract } from './event';
import { standardDecorator } from './standard-decorator';

/** How the event of a failing handler is retried. */
export interface RetryOptions {
  /** The number of attempts before an event is dead-lettered, the first included. Default 5, at least 1. */
  attempts?: number;
  /**
   * The waits before the second attempt, the third and so on; the last one repeats. Each wait is changed at random by up
   * to a fifth. Default 1 s, 5 s, 30 s, 2 min.
   */
  backoff?: Duration[];
}

/** The place in the stream where a new durable consumer starts. A durable that exists keeps its own place. */
export type From = 'new' | 'beginning' | { since: Duration } | { sequence: number };

/** How events are gathered for a handler of batches. */
export interface BatchOptions {
  /** The greatest number of events in a batch; at least 1. */
  size: number;
  /** How long the first event of a batch waits for more, before the handler gets a smaller batch. Default 1 s. */
  wait?: Duration;
}

/** Options of `@Subscribe`. The config's section of the plugin overrides them; `plugins.defaults` sets their defaults. */
export interface SubscribeOptions<Field extends string = string> {
  /**
   * Where the durable starts when it is created: with events stored from then on (`'new'`, the default), with all events
   * in the stream (`'beginning'`), with events that are at most `since` old, or at a sequence.
   */
  from?: From;
  /** The durable consumer's name. Default `<plugin>-<method>` in kebab-case. Changing it starts a new durable. */
  durable?: string;
  /** How many events, or batches, a host handles at the same time. Default 8, at least 1. */
  concurrency?: number;
  /**
   * A field of the event, such as `'user_id'`. Within a host, events with the same value of the field are handled one at a
   * time and in the order of the stream, also through retries; events with other values are not delayed. An event
   * without the field waits for no other. Default: none.
   */
  key?: Field;
  /**
   * Gathers events: the handler gets an array of them, and all are acknowledged when it returns. `@Subscribe` must name the
   * contract. Not together with `key`. See also `BatchFailure`. Default: one event at a time.
   */
  batch?: BatchOptions;
  /** How long one run of the handler may take; then it counts as failed, and its signal is aborted. Default 30 s. */
  timeout?: Duration;
  /** How many times and when a failed event is retried. */
  retry?: RetryOptions;
}

/** The event that a decorator names. The kind is `parameter` if the type of the method's parameter names the event. */
export type SubscribeTarget =
  | { readonly kind: 'contract'; readonly contract: EventContract }
  | { readonly kind: 'subject'; readonly subject: string }
  | { readonly kind: 'parameter' };

export interface HandlerMark {
  readonly method: string;
  readonly target: SubscribeTarget;
  readonly options: SubscribeOptions;
}

export const HANDLERS_MARK: unique symbol = Symbol.for('jetplug.handlers') as never;

/** A returned object with work that nobody would run, such as an Observable. */
interface Lazy {
  subscribe(...args: never[]): unknown;
  // The client of a broker, or an emitter, has `subscribe` too, but also one of these.
  publish?: never;
  emit?: never;
}

/** Refuses handlers that return a generator, an Observable or a function, directly or by a promise. */
type Ran<Result> = 0 extends 1 & Result
  ? unknown
  : Extract<Awaited<Result>, Generator | AsyncGenerator | Lazy | ((...args: never[]) => unknown)> extends never
    ? unknown
    : 'a handler runs its work itself, and returns no generator, Observable or function';

/** Refuses static methods, which the host would never call. */
type Instance<Target> = Target extends abstract new (...args: never[]) => unknown ? 'a handler is not static' : unknown;

/** Accepts only methods that can take an event `E` as their first parameter. */
type HandlerDecorator<E> = <Target extends object, Result>(
  target: Target & Instance<Target>,
  method: string,
  descriptor: { value?: ((event: E, context: EventContext) => Result) & Ran<Result> },
) => void;

/** Accepts only methods that can take an array of events `E` as their first parameter. */
type BatchHandlerDecorator<E> = <Target extends object, Result>(
  target: Target & Instance<Target>,
  method: string,
  descriptor: { value?: ((events: E[], context: BatchContext) => Result) & Ran<Result> },
) => void;

type FieldOf<C extends EventContract> = Extract<keyof InstanceType<C>, string>;

/**
 * Makes a method a handler. The type of its parameter, a contract, or a subject, which may have wildcards, names the event:
 *
 * ```ts
 * @Subscribe() async award(event: VideoWatchStarted) {}
 * @Subscribe(VideoWatchStarted, { concurrency: 1 }) async award(event: VideoWatchStarted) {}
 * @Subscribe('video.>') async any(event: Envelope, context: EventContext) {}
 * @Subscribe(VideoWatchStarted, { key: 'user_id' }) async inOrder(event: VideoWatchStarted) {}
 * @Subscribe(VideoWatchStarted, { batch: { size: 100 } }) async many(events: VideoWatchStarted[]) {}
 * ```
 *
 * When the handler returns, the event is handled. When it throws, the event is retried by the option `retry`, and
 * dead-lettered after the last attempt. See also `Reject` and `RetryLater`.
 */
export function Subscribe(options?: SubscribeOptions & { batch?: never }): HandlerDecorator<never>;
export function Subscribe<C extends EventContract>(
  contract: C,
  options: SubscribeOptions<FieldOf<C>> & { batch: BatchOptions; key?: never },
): BatchHandlerDecorator<InstanceType<C>>;
export function Subscribe<C extends EventContract>(
  contract: C,
  options?: SubscribeOptions<FieldOf<C>> & { batch?: never },
): HandlerDecorator<InstanceType<C>>;
// Events of a subject may be any JSON objects, so the author declares the parameter's type.
export function Subscribe(subject: string, options?: SubscribeOptions): HandlerDecorator<never>;
export function Subscribe(
  event?: SubscribeOptions | EventContract | string,
  options: SubscribeOptions = {},
): HandlerDecorator<never> & BatchHandlerDecorator<never> {
  const target = targetOf(event);
  const chosen = typeof event === 'object' ? event : options;
  return (decorated: object, method: unknown) => {
    if (typeof method === 'object') throw standardDecorator('@Subscribe');
    // Each class has its own list, so that a subclass does not add to its parent's.
    if (!Object.hasOwn(decorated, HANDLERS_MARK)) Object.defineProperty(decorated, HANDLERS_MARK, { value: [] });
    const { [HANDLERS_MARK]: marks } = decorated as { [HANDLERS_MARK]: HandlerMark[] };
    marks.push({ method: method as string, target, options: chosen });
  };
}

function targetOf(event: SubscribeOptions | EventContract | string | undefined): SubscribeTarget {
  if (typeof event === 'string') return { kind: 'subject', subject: event };
  if (isEventContract(event)) return { kind: 'contract', contract: event };
  return { kind: 'parameter' };
}
