import type { Delivery } from '../broker/delivery';
import type { Handler } from './handler';

/** Removes the mark of a run that has ended, because a later death of this process is not the message's fault. */
export function unmark(handler: Handler, delivery: Delivery): Promise<void> {
  return handler.attempts.ended(delivery).catch((cause: unknown) => {
    handler.log.warn('mark of a run could not be removed; the next stop of the host may count as its crash', {
      ...coordinates(handler, delivery),
      err: cause,
    });
  });
}

/**
 * Removes the record of the message's attempts, which only a failed or a redelivered message has. The next event does not
 * wait for the removal: a record that stays is removed when a host starts.
 */
export function forgetAttempts(handler: Handler, delivery: Delivery, has = delivery.deliveryCount > 1): void {
  if (!has) return;
  handler.attempts.forget(delivery).catch((cause: unknown) => {
    handler.log.warn('the record of an attempt could not be removed', {
      ...coordinates(handler, delivery),
      err: cause,
    });
  });
}

/** Returns the fields of a log line about a delivery. */
export function coordinates(handler: Handler, delivery: Delivery): object {
  return {
    handler: handler.name,
    subject: delivery.subject,
    stream: delivery.stream,
    sequence: delivery.sequence,
  };
}
