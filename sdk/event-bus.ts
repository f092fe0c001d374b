import type { EventContract, EventFields } from './event';
import type { ForEvent } from './store';
import type { PublishFault } from './subject-type';
import { refuseItself, TOKEN } from './token';

/**
 * The fields of an event to publish: those of the contract, or any JSON object for a subject. A message for a subject
 * that cannot be published on.
 */
export type Publishable<E> = E extends string
  ? [PublishFault<E>] extends [never]
    ? Record<string, unknown>
    : PublishFault<E>
  : EventFields<E>;

/** Options of `EventBus.publish`. */
export interface PublishOptions extends ForEvent {
  /** The event's id, 1–256 bytes. If one id is published twice within the stream's duplicate window, the event is stored once. Default: a generated id. */
  id?: string;
  /** The time at which the event happened: ISO 8601 with `Z` or an offset. Default: now. */
  timestamp?: string;
}

/**
 * Publishes events. Inject it into a plugin. Outside of a host, `connectEventBus` of `jetplug/client` creates one.
 *
 * ```ts
 * await this.events.publish(BadgeAwarded, { user_id: event.user_id, count });
 * await this.events.publish('badge.awarded', { user_id: 'u1', count: 10 });
 * ```
 */
export abstract class EventBus {
  static readonly [TOKEN] = 'bus';

  constructor() {
    refuseItself(new.target, EventBus);
  }

  /**
   * Validates the fields, adds the envelope and publishes the event. Resolves with the event's id.
   *
   * Inside a handler, the event is committed with the run's store changes when the handler has returned, and sent then: a
   * handler that fails publishes nothing, and a committed event is sent also if the host dies in between. The event's id is derived from the event that is being handled, so that a retried handler does not publish
   * twice. A handler of batches must pass `{ for: event }`. Outside of a handler, the promise resolves when the stream
   * has stored the event.
   *
   * @throws JetplugError `JP_EVENT_INVALID` if the fields do not fit the contract or are not JSON, `JP_SUBJECT_INVALID`,
   *   `JP_PUBLISH_FAILED` if no stream stored the event (its `cause` has the reason)
   */
  abstract publish<E extends EventContract | string>(
    event: E,
    fields: Publishable<E>,
    options?: PublishOptions,
  ): Promise<string>;
}
