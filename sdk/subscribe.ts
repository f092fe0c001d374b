import type { BatchContext, EventContext } from './context';
import type { Duration } from './duration';
import { JetplugError } from './errors';
import { isEventContract, type EventContract } from './event';

/** How a failing handler is tried again. */
export interface RetryOptions {
  /** How often an event is tried in all before it is dead-lettered. Default 5, at least 1. */
  attempts?: number;
  /**
   * The waits before the second try, the third and so on; the last one repeats. A fifth of each,
   * at random, is added or taken off. Default 1 s, 5 s, 30 s, 2 min.
   */
  backoff?: Duration[];
}

/** Where a new durable consumer starts; it counts only when the durable is made. */
export type From = 'new' | 'beginning' | { since: Duration } | { sequence: number };

/** How events are gathered for a handler that takes several at a time. */
export interface BatchOptions {
  /** How many events a batch has at most; at least 1. */
  size: number;
  /** How long the first event of a batch may wait for others before the handler gets what there is. Default 1 s. */
  wait?: Duration;
}

/** What `@Subscribe` may be told; the config's `plugins.defaults` and `plugins.<name>` may say otherwise. */
export interface SubscribeOptions<Field extends string = string> {
  /**
   * Where to start when the durable is first made: with what comes from now on (`'new'`, the default),
   * with all that the stream holds (`'beginning'`), with what is not older than `since`, or at a sequence.
   */
  from?: From;
  /** The durable consumer's name. Default `<plugin>-<method>` in kebab-case. Changing it starts a new durable. */
  durable?: string;
  /** How many events, or batches, are handled at a time, in one host. Default 8, at least 1. */
  concurrency?: number;
  /**
   * A field of the event, such as `'user_id'`: within a host, events with the same value there are handled
   * one at a time and in the order of the stream, through retries as well, while others go on. An event
   * without the field is in nobody's way. Default: none, events are handled as they come.
   */
  key?: Field;
  /**
   * The handler gets an array of events, and all of them are acknowledged when it returns. The contract must
   * be named. Not together with `key`. See also `BatchFailure`. Default: one event at a time.
   */
  batch?: BatchOptions;
  /** How long one run of the handler may take before it counts as failed and its signal is aborted. Default 30 s. */
  timeout?: Duration;
  /** How often and when a failing event is tried again. */
  retry?: RetryOptions;
}

/** What a handler reacts to, as far as its decorator says. */
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

/** Work that is returned and that nobody would run. */
interface Lazy {
  subscribe(...args: never[]): unknown;
  // A client of a broker, or an emitter, has one of these as well.
  publish?: never;
  emit?: never;
}

/** What a handler may return: not a generator, an Observable or a function, at once or by a promise. */
type Ran<Result> = 0 extends 1 & Result
  ? unknown
  : Extract<Awaited<Result>, Generator | AsyncGenerator | Lazy | ((...args: never[]) => unknown)> extends never
    ? unknown
    : 'a handler runs its work itself, and returns no generator, Observable or function';

/** The class's prototype: a static method is the host's to call by nobody. */
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
 * Makes a method a handler. It learns its event from the parameter's type, from a contract, or from
 * a subject, which may have wildcards:
 *
 * ```ts
 * @Subscribe() async award(event: VideoWatchStarted) {}
 * @Subscribe(VideoWatchStarted, { concurrency: 1 }) async award(event: VideoWatchStarted) {}
 * @Subscribe('video.>') async any(event: Envelope, context: EventContext) {}
 * @Subscribe(VideoWatchStarted, { key: 'user_id' }) async inOrder(event: VideoWatchStarted) {}
 * @Subscribe(VideoWatchStarted, { batch: { size: 100 } }) async many(events: VideoWatchStarted[]) {}
 * ```
 *
 * A handler that returns has handled the event. One that throws is tried again, by `retry`, and the
 * event is dead-lettered when its attempts are used up; see also `Reject` and `RetryLater`.
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
// A subject can bring any JSON object, so the author says what to expect of it.
export function Subscribe(subject: string, options?: SubscribeOptions): HandlerDecorator<never>;
export function Subscribe(
  told?: SubscribeOptions | EventContract | string,
  options: SubscribeOptions = {},
): HandlerDecorator<never> & BatchHandlerDecorator<never> {
  const target = targetOf(told);
  const chosen = typeof told === 'object' ? told : options;
  return (decorated: object, method: unknown) => {
    if (typeof method === 'object') throw standardDecorator();
    // A list of its own for each class: what a subclass decorates is no business of its parent's.
    if (!Object.hasOwn(decorated, HANDLERS_MARK)) Object.defineProperty(decorated, HANDLERS_MARK, { value: [] });
    const { [HANDLERS_MARK]: marks } = decorated as { [HANDLERS_MARK]: HandlerMark[] };
    marks.push({ method: method as string, target, options: chosen });
  };
}

/** A compiler that is not told otherwise calls decorators as the standard has them, with an object in place of the name. */
function standardDecorator(): JetplugError {
  const hint =
    'Set "experimentalDecorators" and "emitDecoratorMetadata" in the tsconfig.json that compiles the plugin.';
  return new JetplugError('JP_HANDLER_NOT_A_METHOD', '@Subscribe was compiled as a standard decorator', { hint });
}

function targetOf(told: SubscribeOptions | EventContract | string | undefined): SubscribeTarget {
  if (typeof told === 'string') return { kind: 'subject', subject: told };
  if (isEventContract(told)) return { kind: 'contract', contract: told };
  return { kind: 'parameter' };
}
