import { AsyncLocalStorage } from 'node:async_hooks';
import type { BatchContext, CloudEvent, EventContext, Logger } from '../../sdk';
import type { Envelope } from '../../sdk/internal';
import { HandlerCall, type CalledHandler } from '../message/handler-call';
import { RunLogger } from '../message/run-logger';
import type { WireEvent } from './protocol';

/** A handler with the log that its calls write to. */
interface LoggedHandler extends CalledHandler {
  readonly log: Logger;
}

/** A call of a handler in this process: for one event, or for a batch. */
export class ChildCall extends HandlerCall<LoggedHandler> {
  /** The events as the handler gets them. */
  events: readonly Envelope[] = [];
  readonly startedAtMs = performance.now();
  /** Which place each of them has among those that the host sent. */
  places: readonly number[] = [];

  constructor(
    readonly id: number,
    handler: LoggedHandler,
    readonly received: readonly WireEvent[],
    readonly isBatch: boolean,
  ) {
    super(handler);
  }

  /**
   * The place of an event of a batch among those that the host sent; a single event is the only one that it can be.
   * @throws JetplugError `JP_BATCH_EVENT` when a batch is not told which
   */
  placeOf(event: object | undefined, what: string): number {
    if (!this.isBatch) return 0;
    const index = event === undefined ? -1 : this.events.indexOf(event as Envelope);
    if (index >= 0) return this.places[index]!;
    throw this.noEvent(event, what);
  }
}

const current = new AsyncLocalStorage<ChildCall>();

/** The call that the caller is in, if it is in one. */
export function currentCall(): ChildCall | undefined {
  return current.getStore();
}

export function within<T>(call: ChildCall, body: () => T): T {
  return current.run(call, body);
}

export class ChildContext implements EventContext {
  readonly attempt: number;
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly time: Date;
  readonly headers: Readonly<Record<string, string>>;
  readonly cloudEvent: CloudEvent | undefined;
  readonly log: Logger;

  constructor(
    private readonly call: ChildCall,
    { attempt, subject, stream, sequence, deliveredAs, storedAtMs, headers, cloudEvent }: WireEvent,
  ) {
    this.attempt = attempt;
    this.subject = subject;
    this.stream = stream;
    this.sequence = sequence;
    this.headers = headers;
    this.cloudEvent = cloudEvent;
    this.time = new Date(storedAtMs);
    const { log, name } = call.handler;
    this.log = new RunLogger(log, { handler: name, subject, sequence: deliveredAs, attempt });
  }

  /** As that of a run in the host. */
  toJSON(): object {
    const { subject, stream, sequence, time, attempt, headers, cloudEvent } = this;
    return { subject, stream, sequence, time, attempt, headers, cloudEvent };
  }

  get signal(): AbortSignal {
    return this.call.signal;
  }
}

export class ChildBatchContext implements BatchContext {
  readonly log: Logger;

  constructor(private readonly call: ChildCall) {
    const { log, name } = call.handler;
    this.log = new RunLogger(log, { handler: name, batch: call.events.length });
  }

  of(event: object): EventContext {
    return new ChildContext(this.call, this.call.received[this.call.placeOf(event, 'BatchContext.of')]!);
  }

  get signal(): AbortSignal {
    return this.call.signal;
  }
}
