import type { BatchContext, CloudEvent, EventContext, Logger } from '../../sdk';
import { showThrown } from '../base/thrown';
import type { ReceivedCloudEvent } from './cloud-events';
import { RunLogger } from './run-logger';

/** The properties of a delivery that a handler can read from its context. */
export interface EventFacts {
  readonly attempt: number;
  readonly subject: string;
  /** The stream that first stored the event. */
  readonly stream: string;
  /** The event's sequence in that stream. */
  readonly sequence: number;
  /**
   * The event's sequence in the stream that delivered it; differs from `sequence` for an event from the retry queue.
   */
  readonly deliveredAs: number;
  readonly storedAtMs: number;
  readonly cloudEvent?: ReceivedCloudEvent | undefined;
}

/** A function that the host calls after the run's commit. */
export type AfterCommitCallback = Parameters<EventContext['afterCommit']>[0];

interface LoggedHandler {
  readonly name: string;
  readonly log: Logger;
}

/**
 * A handler's second parameter, in the host and in a plugin's own process. The event's facts are read only if the
 * handler asks for one.
 */
export abstract class HandlerContext implements EventContext {
  abstract readonly headers: Readonly<Record<string, string>>;
  abstract readonly signal: AbortSignal;
  protected abstract readonly handler: LoggedHandler;
  private read: EventFacts | undefined;
  private logger: Logger | undefined;

  protected abstract readFacts(): EventFacts;
  protected abstract addWork(work: AfterCommitCallback): void;

  afterCommit(work: AfterCommitCallback): void {
    if (typeof work !== 'function') throw new TypeError(`afterCommit takes a function, and got ${showThrown(work)}`);
    this.addWork(work);
  }

  get attempt(): number {
    return this.facts.attempt;
  }
  get subject(): string {
    return this.facts.subject;
  }
  get stream(): string {
    return this.facts.stream;
  }
  get sequence(): number {
    return this.facts.sequence;
  }
  get time(): Date {
    return new Date(this.facts.storedAtMs);
  }
  get cloudEvent(): CloudEvent | undefined {
    return this.facts.cloudEvent;
  }
  get log(): Logger {
    return (this.logger ??= this.newLogger());
  }

  /** Keeps the host's own objects, which are circular, out of a context that a plugin logs or stores. */
  toJSON(): object {
    const { subject, stream, sequence, time, attempt, headers, cloudEvent } = this;
    return { subject, stream, sequence, time, attempt, headers, cloudEvent };
  }

  /** Returns the handler's log, which adds the known fields to each line. */
  protected loggerWith(known: object): Logger {
    return new RunLogger(this.handler.log, known);
  }

  private get facts(): EventFacts {
    return (this.read ??= this.readFacts());
  }

  private newLogger(): Logger {
    const { handler, facts } = this;
    const { subject, deliveredAs: sequence, attempt } = facts;
    return this.loggerWith({ handler: handler.name, subject, sequence, attempt });
  }
}

interface BatchCall {
  readonly handler: LoggedHandler;
  readonly events: readonly object[];
  readonly signal: AbortSignal;
}

/** The second parameter of a handler of batches, in the host and in a plugin's own process. */
export abstract class HandlerBatchContext<Call extends BatchCall> implements BatchContext {
  constructor(protected readonly call: Call) {}

  abstract of(event: object): EventContext;

  get signal(): AbortSignal {
    return this.call.signal;
  }
  get log(): Logger {
    const { handler, events } = this.call;
    return new RunLogger(handler.log, { handler: handler.name, batch: events.length });
  }
}
