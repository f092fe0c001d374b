import type { StandardSchemaV1 } from '@standard-schema/spec';
import { JetplugError } from './errors';
import type { NotJson } from './json';
import { isPublishSubject } from './subject';
import type { PublishFault } from './subject-type';

/** The three fields that every event has beside its own, in the message and in a handler. */
export interface Envelope {
  /** The kind of event: the subject that it is published on, such as `video.watch_started`. */
  readonly event_type: string;
  /** The event's id, 1–256 bytes. Jetplug generates UUIDs. */
  readonly event_id: string;
  /** The time at which the event happened: ISO 8601, UTC, such as `2026-05-12T19:03:11.000Z`. */
  readonly timestamp: string;
}

/** A kind of event: its subject and the schema of its fields. {@link defineEvent} creates it. */
export interface EventContract<Output extends object = object, Input = unknown> {
  new (...args: never[]): Envelope & Output;
  readonly subject: string;
  readonly schema: StandardSchemaV1<Input, Output>;
  /** The paths of the secret fields. */
  readonly secret?: readonly string[];
  /** Converts the fields of an old form of the event. See {@link EventOptions.upcast}. */
  readonly upcast?: ((old: Record<string, unknown>) => unknown) | undefined;
}

/** Options of a contract. */
export interface EventOptions<Input = unknown> {
  /**
   * The secret fields, such as `['card.number']`: a dot leads into an object, and into each item of a list. The page
   * shows them as `•••`. Plugins, streams and commands have them in full. Default: none.
   */
  readonly secret?: readonly string[];
  /**
   * Converts the fields of an event that was published in an old form into the fields that the schema takes. The host
   * calls it when a stored event does not fit the schema, and validates what it returns. It gets a copy of the fields
   * without the envelope, and must be a pure and synchronous function. If it throws, or if its result does not fit
   * either, the event is dead-lettered as any other that does not fit. An event that is published is never converted.
   * Default: none.
   */
  readonly upcast?: (old: Record<string, unknown>) => Input;
}

/** The fields that a publisher passes for a contract, before the schema's defaults and transforms. */
export type EventFields<C> = C extends { readonly schema: StandardSchemaV1<infer Input, infer _> } ? Input : never;

/** The fields that no event on the wire can have. A field with another type besides counts as one that JSON can hold. */
type UnfitFields<Input> = {
  [Field in keyof Input & string]-?: 0 extends 1 & Input[Field]
    ? never
    : [Exclude<Input[Field], undefined>] extends [never]
      ? never
      : [Exclude<Input[Field], undefined>] extends [NotJson]
        ? Field
        : never;
}[keyof Input & string];

/** The class that {@link defineEvent} returns; a message if its subject or a field can never be valid. */
type ContractClass<Input, Output, Subject extends string> = [UnfitFields<Input> | PublishFault<Subject>] extends [never]
  ? {
      new (event: Envelope & Output): Envelope & Output;
      readonly subject: string;
      readonly schema: StandardSchemaV1<Input, Output>;
      readonly secret: readonly string[];
      readonly upcast: ((old: Record<string, unknown>) => Input) | undefined;
    }
  : `JSON cannot hold the type of the field ${UnfitFields<Input>}` | PublishFault<Subject>;

const subjects = new Set<string>();

const EVENT_MARK: unique symbol = Symbol.for('jetplug.event') as never;

/**
 * Declares a kind of event as a class to extend, so that its name is both a type and a value.
 *
 * ```ts
 * export class VideoWatchStarted extends defineEvent(
 *   'video.watch_started',
 *   z.object({ user_id: z.string().min(1), video_id: z.string().min(1) }),
 * ) {}
 * ```
 *
 * A union schema cannot be extended; use it as a value: `const Paid = defineEvent('paid', z.union([…]))`
 * with `@Subscribe(Paid)`.
 *
 * @param subject the NATS subject, without wildcards
 * @param schema any Standard Schema validator of an object; the schema decides about unknown fields
 * @param options which fields are secret, and how old forms of the event are converted
 * @throws JetplugError `JP_SUBJECT_INVALID` for a subject that cannot be published on, `JP_CONTRACT_INVALID` for a schema
 *   that is no Standard Schema, such as the plain object of a `z.object`, and for an `upcast` that is no function
 */
export function defineEvent<Input, Output extends object, const Subject extends string = string>(
  subject: Subject,
  schema: StandardSchemaV1<Input, Output>,
  { secret = [], upcast }: EventOptions<NoInfer<Input>> = {},
): ContractClass<Input, Output, Subject> {
  if (!isPublishSubject(subject)) {
    throw new JetplugError(
      'JP_SUBJECT_INVALID',
      `defineEvent(${JSON.stringify(subject)}): not a subject to publish on`,
    );
  }
  if (!isSchema(schema)) {
    throw new JetplugError(
      'JP_CONTRACT_INVALID',
      `defineEvent(${JSON.stringify(subject)}): its schema is no Standard Schema`,
    );
  }
  if (upcast !== undefined && typeof upcast !== 'function') {
    const hint = 'Write a function, such as `{ upcast: (old) => ({ ...old, user_id: old.user }) }`.';
    throw new JetplugError(
      'JP_CONTRACT_INVALID',
      `defineEvent(${JSON.stringify(subject)}): its upcast is no function`,
      {
        hint,
      },
    );
  }
  subjects.add(subject);
  class DefinedEvent {
    static readonly [EVENT_MARK] = true;
    static readonly subject = subject;
    static readonly schema = schema;
    static readonly secret = Object.freeze([...secret]);
    static readonly upcast = upcast;
    constructor(event: object) {
      Object.assign(this, event);
    }
  }
  return DefinedEvent as never;
}

/** Whether a value is a Standard Schema. */
export function isSchema(value: unknown): boolean {
  const { '~standard': standard } = (value ?? {}) as Partial<StandardSchemaV1>;
  return typeof standard?.validate === 'function';
}

/** The subjects of all contracts that this process has declared. The testing kit gives each of them a stream. */
export function declaredSubjects(): ReadonlySet<string> {
  return subjects;
}

/** Whether a value is a contract, also one of another copy of this package. */
export function isEventContract(value: unknown): value is EventContract {
  return typeof value === 'function' && EVENT_MARK in value;
}
