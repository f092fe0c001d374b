import type { BatchContext, EventContext } from './context';
import type { Duration } from './duration';
import { isEventContract, type Envelope, type EventContract } from './event';
import type { BatchFailure, Reject, RetryLater } from './outcome';
import { standardDecorator } from './standard-decorator';
import type { SubscribeFault } from './subject-type';

/** How the event of a failing handler is retried. */
export interface RetryOptions<Wait = Duration> {
  /** The number of attempts before an event is dead-lettered, the first included. Default 5, at least 1. */
  attempts?: number;
  /**
   * The waits before the second attempt, the third and so on; the last one repeats. Each wait is changed at random by up
   * to a fifth. Default 1 s, 5 s, 30 s, 2 min.
   */
  backoff?: Wait[];
}

/** The place in the stream where a new durable consumer starts. A durable that exists keeps its own place. */
export type From<Since = Duration> = 'new' | 'beginning' | { since: Since } | { sequence: number };

/** A start as the host has it: the config gives times in milliseconds. */
export type Start = From<Duration | number>;

/** How events are gathered for a handler of batches. */
export interface BatchOptions<Size extends number = number> {
  /** The greatest number of events in a batch; at least 1. */
  size: Size;
  /** How long the first event of a batch waits for more, before the handler gets a smaller batch. Default 1 s. */
  wait?: Duration;
}

/** How many events a handler begins in a length of time. */
export interface RateOptions {
  /** The greatest number of events; a whole number from 1 to 1,000,000. */
  events: number;
  /** The length of each span of time in which at most so many events begin; at most 1 hour. */
  per: Duration;
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
  /**
   * The name that the method had when its durable was created. The handler keeps this name on the server and in commands:
   * its durable with its position, its retry queue and its dead letters. Hosts with the method's old and new name share
   * its events. Default: none.
   */
  renamedFrom?: string;
  /** How many events, or batches, a host handles at the same time. Default 8, at least 1. */
  concurrency?: number;
  /**
   * A field of the event, such as `'user_id'`. Events with the same value of the field are handled one at a time and in
   * the order of the stream, also through retries; events with other values are not delayed. An event without the field
   * waits for no other. Of several hosts, one at a time runs the handler, so more hosts do not make it faster; where the
   * server is older than NATS 2.14, the order is not guaranteed when another host takes over. Default: none.
   */
  key?: Field;
  /**
   * Gathers events: the handler gets an array of them, and all are acknowledged when it returns. `@Subscribe` must name the
   * contract. Not together with `key`. See also `BatchFailure`. Default: one event at a time.
   */
  batch?: BatchOptions;
  /**
   * Limits the rate of the handler, such as `{ events: 100, per: '1s' }`: in each span of that length, at most so many
   * events begin, over all hosts of the deployment. A retry counts as an event that begins, and each event of a batch
   * counts. Other events wait, and cost no attempt. One host at a time runs the handler; when another one takes over, it
   * waits for one `per` first. Default: no limit.
   */
  rate?: RateOptions;
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
  /** Whether the decorator stands without parentheses. */
  readonly isBare?: boolean;
}

export const HANDLERS_MARK: unique symbol = Symbol.for('jetplug.handlers') as never;

/** A returned object with work that nobody would run, such as an Observable. */
interface Lazy {
  subscribe(...args: never[]): unknown;
  // The client of a broker, or an emitter, has `subscribe` too, but also one of these.
  publish?: never;
  emit?: never;
}

type AnyFunction = (...args: never[]) => unknown;

/*
 * The types below find the faults of a decorated method. A fault is a message as a type; `never` stands for none. The
 * compiler reports the message as the type of the method's name, because that error is the shortest.
 */

/** A method's name; its faults in place of that. */
type Checked<Fault> = [Fault] extends [never] ? string : Fault;

type FirstFault<First, Second> = [First] extends [never] ? Second : First;

/** Finds a static method, which the host would never call. */
type TargetFault<Target> = Target extends abstract new (...args: never[]) => unknown
  ? 'a handler is not static'
  : never;

/** Finds a result with work that nobody runs, or an outcome that nobody reads. */
type ResultFault<Result> = 0 extends 1 & Result
  ? never
  : Extract<Awaited<Result>, Generator | AsyncGenerator | Lazy | AnyFunction> extends never
    ? Extract<Awaited<Result>, Reject | RetryLater | BatchFailure> extends never
      ? never
      : 'a handler throws Reject, RetryLater and BatchFailure, and does not return them'
    : 'a handler runs its work itself, and returns no generator, Observable or function';

/** Finds parameters that cannot take the event and the context. */
type ParametersFault<Parameters extends unknown[], Event, Context> = ((...args: Parameters) => void) extends (
  event: Event,
  context: Context,
) => void
  ? never
  : Parameters extends [unknown, unknown, unknown, ...unknown[]]
    ? 'a handler has two parameters: the event and its context'
    : [Event] extends [Parameters[0]]
      ? 'the second parameter is the EventContext, or the BatchContext of a batch'
      : EventFault<Event, Parameters[0]>;

type EventFault<Event, Parameter> = Event extends readonly unknown[]
  ? Parameter extends readonly (infer Item)[]
    ? EventFault<Event[number], Item>
    : 'a handler of batches takes a list of events'
  : Parameter extends readonly unknown[]
    ? 'a handler without the option batch takes one event'
    : [Misfits<Event, Parameter>] extends [never]
      ? 'the parameter takes another event than @Subscribe names'
      : `the event that @Subscribe names does not fit the parameter: see ${Misfits<Event, Parameter>}`;

/** The names of the parameter's fields that the event lacks, or has with another type. */
type Misfits<Event, Parameter> = {
  [Field in keyof Parameter & string]-?: Event extends Readonly<Record<Field, Parameter[Field]>> ? never : Field;
}[keyof Parameter & string];

/** Finds a parameter whose type names no event, as far as types show it. */
type NameFault<Parameter> = 0 extends 1 & Parameter
  ? 'the parameter’s type is any: it is a contract'
  : unknown extends Parameter
    ? 'the parameter’s type is unknown: it is a contract'
    : [Parameter] extends [readonly unknown[]]
      ? 'a handler of batches names its contract: @Subscribe(TheEvent, { batch })'
      : [Parameter] extends [EventContext]
        ? 'the context is the second parameter: the first is the event'
        : [Parameter] extends [Envelope]
          ? UnionFault<Parameter>
          : 'the parameter’s type is no contract';

/** The type of the first parameter, which may be optional. */
type EventIn<Parameters extends unknown[]> = Exclude<Parameters[0], undefined>;

type UnionFault<Event, Each = Event> = Each extends unknown
  ? [Event] extends [Each]
    ? never
    : 'the parameter’s type is a union, which names no event: use a contract, or a subject'
  : never;

/** Finds a key that the event does not have. */
type KeyFault<Event, Key extends string> = [Key] extends [FieldsOf<Event>]
  ? never
  : `the event has no field ${Key} for a key`;

type FieldsOf<Event> = Exclude<Extract<keyof Event, string>, keyof Envelope>;

/**
 * Accepts only methods that can take `Event` as their first parameter, and `Context` as their second.
 * `Fault` is a fault of the decorator itself.
 */
type HandlerDecorator<Event, Context = EventContext, Fault = never> = <
  Target extends object,
  Parameters extends unknown[],
  Result,
>(
  target: Target,
  method: Checked<Fault | TargetFault<Target> | ResultFault<Result> | ParametersFault<Parameters, Event, Context>>,
  descriptor: { value?: (...args: Parameters) => Result },
) => void;

/** Accepts only methods whose parameter's type names an event, which has the field `Key`. */
type ParameterDecorator<Key extends string> = <Target extends object, Parameters extends unknown[], Result>(
  target: Target,
  method: Checked<
    | TargetFault<Target>
    | ResultFault<Result>
    | FirstFault<
        Parameters extends []
          ? 'the method has no parameter whose type names its event'
          : NameFault<EventIn<Parameters>>,
        ParametersFault<Parameters, Parameters[0], EventContext>
      >
    | KeyFault<EventIn<Parameters>, Key>
  >,
  descriptor: { value?: (...args: Parameters) => Result },
) => void;

/** The fields that may be a key: those of the contract, or any for a subject. */
type KeyOf<E> = E extends EventContract ? FieldsOf<InstanceType<E>> : string;

/** The options beside an event that the decorator names. A handler has either `key` or `batch`. */
interface EventOptions<Key, Size extends number> extends Omit<SubscribeOptions, 'key' | 'batch'> {
  /** A field of the event, such as `'user_id'`: see `SubscribeOptions.key`. Default: none. */
  key?: [Size] extends [never] ? Key : 'a handler has either key or batch';
  /** Gathers events: the handler gets an array of them. Default: one event at a time. */
  batch?: BatchOptions<Size>;
}

/** The options of a handler whose parameter names the event. */
interface ParameterOptions<Key extends string> extends SubscribeOptions<Key> {
  batch?: never;
}

type DecoratorFor<E, Key extends string, Size extends number> = [EventContract | string] extends [E]
  ? ParameterDecorator<Key>
  : [E] extends [never]
    ? ParameterDecorator<Key>
    : E extends EventContract
      ? [Size] extends [never]
        ? HandlerDecorator<InstanceType<E>>
        : HandlerDecorator<InstanceType<E>[], BatchContext>
      : // Events of a subject may be any JSON objects, so the author declares the parameter's type.
        E extends string
        ? HandlerDecorator<never, [Size] extends [never] ? EventContext : BatchContext, SubscribeFault<E>>
        : never;

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
export function Subscribe<
  E extends EventContract | string = never,
  Key extends string = never,
  Size extends number = never,
>(event?: E | ParameterOptions<Key>, options: EventOptions<KeyOf<E>, Size> = {}): DecoratorFor<E, Key, Size> {
  // Without parentheses, the decorator itself gets the prototype and the method's name.
  if (typeof options !== 'object') return addMark(event as object, { method: options, ...BARE }) as never;
  const target = targetOf(event);
  const chosen = (typeof event === 'object' ? event : options) as SubscribeOptions;
  const decorate = (decorated: object, method: unknown): void => {
    if (typeof method === 'object') throw standardDecorator('@Subscribe');
    addMark(decorated, { method: method as string, target, options: chosen });
  };
  return decorate as never;
}

const BARE = { target: { kind: 'parameter' }, options: {}, isBare: true } as const;

function addMark(decorated: object, mark: HandlerMark): void {
  // Each class has its own list, so that a subclass does not add to its parent's.
  if (!Object.hasOwn(decorated, HANDLERS_MARK)) Object.defineProperty(decorated, HANDLERS_MARK, { value: [] });
  (decorated as { [HANDLERS_MARK]: HandlerMark[] })[HANDLERS_MARK].push(mark);
}

function targetOf(event: object | string | undefined): SubscribeTarget {
  if (typeof event === 'string') return { kind: 'subject', subject: event };
  if (isEventContract(event)) return { kind: 'contract', contract: event };
  return { kind: 'parameter' };
}
