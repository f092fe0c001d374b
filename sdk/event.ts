import type { StandardSchemaV1 } from '@standard-schema/spec';
import { JetplugError } from './errors';
import { isPublishSubject } from './subject';

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
}

/** Options of a contract. */
export interface EventOptions {
  /**
   * The secret fields, such as `['card.number']`: a dot leads into an object, and into each item of a list. The page
   * shows them as `•••`. Plugins, streams and commands have them in full. Default: none.
   */
  readonly secret?: readonly string[];
}

/** The fields that a publisher passes for a contract, before the schema's defaults and transforms. */
export type EventFields<C> = C extends { readonly schema: StandardSchemaV1<infer Input, infer _> } ? Input : never;

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
 * @param options which fields are secret
 * @throws JetplugError `JP_SUBJECT_INVALID` for a subject that cannot be published on
 */
export function defineEvent<Input, Output extends object>(
  subject: string,
  schema: StandardSchemaV1<Input, Output>,
  { secret = [] }: EventOptions = {},
): {
  new (event: Envelope & Output): Envelope & Output;
  readonly subject: string;
  readonly schema: StandardSchemaV1<Input, Output>;
  readonly secret: readonly string[];
} {
  if (!isPublishSubject(subject)) {
    throw new JetplugError(
      'JP_SUBJECT_INVALID',
      `defineEvent(${JSON.stringify(subject)}): not a subject to publish on`,
    );
  }
  subjects.add(subject);
  class DefinedEvent {
    static readonly [EVENT_MARK] = true;
    static readonly subject = subject;
    static readonly schema = schema;
    static readonly secret = Object.freeze([...secret]);
    constructor(event: object) {
      Object.assign(this, event);
    }
  }
  return DefinedEvent as never;
}

/** The subjects of all contracts that this process has declared. The testing kit gives each of them a stream. */
export function declaredSubjects(): ReadonlySet<string> {
  return subjects;
}

/** Whether a value is a contract, also one of another copy of this package. */
export function isEventContract(value: unknown): value is EventContract {
  return typeof value === 'function' && EVENT_MARK in value;
}
