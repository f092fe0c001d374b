import type { EventContract, EventFields } from './event';
import type { ForEvent } from './store';
import { refuseItself, TOKEN } from './token';

/** The fields to publish: typed by the contract, or any JSON object for a plain subject. */
export type Publishable<E> = E extends string ? Record<string, unknown> : EventFields<E>;

/** What a publisher may say of an event beside its fields. */
export interface PublishOptions extends ForEvent {
  /** The event's id, 1–256 bytes; publishing one id twice within the stream's duplicate window stores it once. Default: made here. */
  id?: string;
  /** When it happened: ISO 8601 with `Z` or an offset. Default: now. */
  timestamp?: string;
}

/**
 * Publishes events. Inject it into a plugin, or make one outside a host with `connectEventBus` of
 * `jetplug/client`.
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
   * Validates the fields, adds the envelope and publishes. Resolves with the event's id.
   *
   * Inside a handler the event is queued, and sent when the handler has returned: one that fails has
   * published nothing. Its id is derived from the event being handled, so that a handler run again
   * does not publish twice. A handler of batches says which event: `{ for: event }`. Elsewhere it resolves when the stream has stored the event.
   *
   * @throws JetplugError `JP_EVENT_INVALID` when the fields do not fit the contract or are no JSON, `JP_SUBJECT_INVALID`,
   *   `JP_PUBLISH_FAILED` when no stream took the event (its `cause` says why)
   */
  abstract publish<E extends EventContract | string>(
    event: E,
    fields: Publishable<E>,
    options?: PublishOptions,
  ): Promise<string>;
}
