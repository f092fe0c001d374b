import type { MessageRef, Past } from './delivery';

/** An event that is to come back to one handler alone. */
export interface ParkedEvent {
  readonly plugin: string;
  readonly handler: string;
  readonly origin: MessageRef;
  /** The subject it was published on. */
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly dueAtMs: number;
  readonly past: Past;
  /** Tells one stay on the road from another of the same event. */
  readonly pass: string;
}

/** Where events wait to come back: the folder host/nats makes it. */
export interface RetryRoad {
  /** Resolves when the event is stored, or was already. */
  park(event: ParkedEvent): Promise<void>;
}

/** What waits longer than this does so in a stream: delayed naks would count against `max_ack_pending` and stop the handler's other events. */
export const PARK_FROM_MS = 30_000;
