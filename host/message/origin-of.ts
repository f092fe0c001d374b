import type { Origin } from '../records/commits/commit';
import type { Run } from './run';

/** Returns who makes the run's changes, as the commit log keeps it. */
export function originOf({ handler, delivery, event, attempt }: Run): Origin {
  return {
    handler: handler.name,
    version: handler.version,
    attempt,
    stream: delivery.origin.stream,
    sequence: delivery.origin.sequence,
    ...(event && { eventId: event.event_id }),
    timeMs: handler.time.epochMs(),
  };
}
