import type { Delivery } from './delivery';
/** Receives the deliveries of a pull, and notices of changes of the pull's state. */
export interface PullSink {
  /** Returns the number of further deliveries that the sink can take now. */
  capacity(): number;
  /**
   * Receives a delivery.
   * @param isLate whether the delivery answers a request that the pull has dropped since, so that the durable may have
   * been created again
   */
  deliver(delivery: Delivery, isLate: boolean): void;
  /** Called when the durable does not exist any more. The pull requests nothing until {@link DurablePull.found}. */
  gone(why: string): void;
  /** Called when the connection was lost and is back. The pull requests nothing until {@link DurablePull.found}. */
  returned(): void;
  /** Reports a problem that will pass, for the log. */
  trouble(message: string, details: object): void;
  /**
   * Called when the server refuses pulls because of the durable's settings. The pull retries, and calls {@link served}
   * when that succeeds.
   */
  refused(reason: string): void;
  /** Called when the server accepts pulls again, after {@link refused}. */
  served(): void;
}

/** Pulls the messages of one durable and delivers them to a sink. */
export interface DurablePull {
  /**
   * Starts to pull.
   * @param options `suspended`: whether to request nothing before {@link found}. Default false
   */
  start(options?: { suspended?: boolean }): void;
  /** Requests as many messages as the sink can take. Call it whenever a delivery leaves the sink. */
  request(): void;
  /** Requests no more until {@link resume}. Messages that are in flight are still delivered to the sink. */
  pause(): void;
  /** Requests one message while paused. */
  probe(): void;
  /** Requests messages again after {@link pause}. */
  resume(): void;
  /** Requests no more until {@link found}. Messages that are in flight are still delivered to the sink. */
  suspend(): void;
  /**
   * Replaces the waiting requests by new ones, because the server does not apply changed settings to waiting requests.
   */
  renew(): void;
  /**
   * Sends a new request if one waits and no message came between two calls, because the server does not serve a waiting
   * request when a pause ends early. Call this method every few seconds while events wait for delivery.
   */
  nudge(): void;
  /**
   * Requests messages again after a call of {@link PullSink.gone}, {@link PullSink.returned} or {@link suspend}. Call
   * it when the durable exists.
   */
  found(): void;
  /**
   * Makes earlier deliveries ineffective, because the stream was created again: their acknowledgements are not sent,
   * since their sequences belong to other messages now.
   */
  disown(): void;
  /** Requests nothing more. Resolves when all messages in flight have been delivered to the sink. */
  stop(): Promise<void>;
}
