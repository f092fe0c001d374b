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
  /** The callbacks for a pinned durable. Default: the durable is not pinned. */
  readonly pin?: PinSink;
}

/** Receives the notices about a pinned durable, which delivers to the one host that has its pin. */
export interface PinSink {
  /** Called when the server has given the pin to this host. The pull requests nothing until {@link DurablePull.found}. */
  taken(): void;
  /** Called when a message arrives without a pin: a host has made the durable deliver to all hosts. */
  absent(): void;
  /** Called when another host may have the pin. Earlier deliveries are ineffective, and the pull asks for the pin again. */
  lost(): void;
  /** Whether the sink holds deliveries. A durable that is idle for long gives up its pin. */
  isBusy(): boolean;
}

/** The pin of a pinned durable, as one host sees it. */
export interface DurablePin {
  /** Whether this host has the pin, as far as it knows. */
  readonly isHeld: boolean;
  /** Sets whether the pull asks for the pin while it does not have it. Default true. */
  standBy(mayTake: boolean): void;
  /** Asks the server whether this host still has the pin, and resolves with the answer. Without it, the sink is called. */
  confirm(): Promise<boolean>;
  /** Notes that another host has the pin. The sink is called as if the server had said so. */
  lose(): void;
  /**
   * Gives up the pin, so that another host gets it at once. Call it when the pull is paused or stopped and no delivery is
   * in flight any more.
   */
  release(): Promise<void>;
  /** Counts each event up to this sequence as delivered once before, because the durable was reset. */
  countRedelivered(upTo: number): void;
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
  /** The pin; absent if the durable is not pinned. */
  readonly pin?: DurablePin | undefined;
}
