import type { Origin } from '../records/commits/commit';
import type { Run } from './run';

/** Returns who makes the changes of a run. */
export function originOf(run: Run): Origin {
  const { handler, delivery, event, attempt } = run;
  return {
    handler: handler.name,
    version: handler.version,
    attempt,
    stream: delivery.origin.stream,
    sequence: delivery.origin.sequence,
    eventId: event!.event_id,
    timeMs: handler.time.epochMs(),
  };
}
