import type { EventContext } from './context';
import type { Duration } from './duration';
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

/** What `@Subscribe` may be told; the config's `plugins.defaults` and `plugins.<name>` may say otherwise. */
export interface SubscribeOptions {
  /**
   * Where to start when the durable is first made: with what comes from now on (`'new'`, the default),
   * with all that the stream holds (`'beginning'`), with what is not older than `since`, or at a sequence.
   */
  from?: From;
  /** The durable consumer's name. Default `<plugin>-<method>` in kebab-case. Changing it starts a new durable. */
  durable?: string;
  /** How many events are handled at a time, in one host. Default 8, at least 1. */
  concurrency?: number;
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

/** Accepts only methods that can take an event `E` as their first parameter. */
type HandlerDecorator<E> = (
  target: object,
  method: string,
  descriptor: { value?: (event: E, context: EventContext) => unknown },
) => void;

/**
 * Makes a method a handler. It learns its event from the parameter's type, from a contract, or from
 * a subject, which may have wildcards:
 *
 * ```ts
 * @Subscribe() async award(event: VideoWatchStarted) {}
 * @Subscribe(VideoWatchStarted, { concurrency: 1 }) async award(event: VideoWatchStarted) {}
 * @Subscribe('video.>') async any(event: Envelope, context: EventContext) {}
 * ```
 *
 * A handler that returns has handled the event. One that throws is tried again, by `retry`, and the
 * event is dead-lettered when its attempts are used up; see also `Reject` and `RetryLater`.
 */
export function Subscribe(options?: SubscribeOptions): HandlerDecorator<never>;
export function Subscribe<C extends EventContract>(
  contract: C,
  options?: SubscribeOptions,
): HandlerDecorator<InstanceType<C>>;
// A subject can bring any JSON object, so the author says what to expect of it.
export function Subscribe(subject: string, options?: SubscribeOptions): HandlerDecorator<never>;
export function Subscribe(
  told?: SubscribeOptions | EventContract | string,
  options: SubscribeOptions = {},
): HandlerDecorator<never> {
  const target = targetOf(told);
  const chosen = typeof told === 'object' ? told : options;
  return (prototype, method) => {
    // A list of its own for each class: what a subclass decorates is no business of its parent's.
    if (!Object.hasOwn(prototype, HANDLERS_MARK)) Object.defineProperty(prototype, HANDLERS_MARK, { value: [] });
    (prototype as { [HANDLERS_MARK]: HandlerMark[] })[HANDLERS_MARK].push({ method, target, options: chosen });
  };
}

function targetOf(told: SubscribeOptions | EventContract | string | undefined): SubscribeTarget {
  if (typeof told === 'string') return { kind: 'subject', subject: told };
  if (isEventContract(told)) return { kind: 'contract', contract: told };
  return { kind: 'parameter' };
}
