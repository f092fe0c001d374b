import type { Delivery } from './delivery';
/** Who takes what is pulled. */
export interface PullSink {
  /** How many more deliveries it can hold. */
  room(): number;
  /** @param isLate it answers a request that the pull has left since: the durable may have been made again */
  deliver(delivery: Delivery, isLate: boolean): void;
  /** The consumer is not there any more; {@link DurablePull.found} says when it is again. */
  gone(why: string): void;
  /** The connection was lost and is back; {@link DurablePull.found} says when all is as it was. */
  returned(): void;
  /** Something is off that will pass; for the log. */
  trouble(message: string, details: object): void;
  /** The server refuses pulls, as the durable's settings forbid them; the pull asks again until {@link served}. */
  refused(reason: string): void;
  /** The server takes pulls again after {@link refused}. */
  served(): void;
}

/** Pulls the messages of one durable and delivers them to a sink. */
export interface DurablePull {
  /** @param options held: requests nothing before {@link found}. Default false. */
  start(options?: { held?: boolean }): void;
  /** Requests more messages where the sink has room. Call it whenever a delivery leaves the sink. */
  request(): void;
  /** Requests no more until {@link resume}. Messages that are in flight are still delivered to the sink. */
  pause(): void;
  /** Requests one message while paused. */
  probe(): void;
  /** Requests messages again after {@link pause}. */
  resume(): void;
  /** Requests no more until {@link found}. Messages that are in flight are still delivered to the sink. */
  hold(): void;
  /** Replaces the waiting requests by new ones: the server does not apply changed settings to waiting requests. */
  renew(): void;
  /**
   * Call it every few seconds while events wait for delivery. It sends a new request when one waits and no message came
   * between two calls: a request that waits is not served when a pause ends early.
   */
  nudge(): void;
  /** Requests messages again after {@link PullSink.gone}, when the durable is there again. */
  found(): void;
  /** The stream was made again. Deliveries of the old stream are not settled any more: their sequences belong to other messages now. */
  disown(): void;
  /** Requests nothing more. Resolves when all messages in flight have been delivered to the sink. */
  stop(): Promise<void>;
}
