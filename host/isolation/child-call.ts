import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventContext, Logger } from '../../sdk';
import type { Envelope } from '../../sdk/internal';
import { HandlerCall, type CalledHandler } from '../message/handler-call';
import {
  HandlerBatchContext,
  HandlerContext,
  type AfterCommitCallback,
  type EventFacts,
} from '../message/handler-context';
import type { LineOrigin, WireEvent } from './protocol';

/** A log whose lines may say where they were logged. */
export interface CallLogger extends Logger {
  at(origin: LineOrigin): Logger;
}

/** A handler and the log that its calls write to. */
interface LoggedHandler extends CalledHandler {
  readonly log: CallLogger;
}

/** A call of a handler in this process: for one event, or for a batch. */
export class ChildCall extends HandlerCall<LoggedHandler> {
  /** The events that the handler gets. */
  events: readonly Envelope[] = [];
  readonly startedAtMs = performance.now();
  /** The index of each event in `received`; invalid events are left out of `events`. */
  indexes: readonly number[] = [];
  /** The functions that the handler has passed to `afterCommit`, by the index of their event in `received`. */
  readonly work = new Map<number, AfterCommitCallback[]>();

  constructor(
    readonly id: number,
    handler: LoggedHandler,
    readonly received: readonly WireEvent[],
    readonly isBatch: boolean,
    /** The headers that carry the call's trace context. */
    readonly trace?: Readonly<Record<string, string>>,
  ) {
    super(handler);
  }

  /**
   * The index in `received` of an event of a batch; 0 in a call for a single event.
   * @throws JetplugError `JP_BATCH_EVENT` if a batch's call names no event of the batch
   */
  indexOf(event: object | undefined, what: string): number {
    if (!this.isBatch) return 0;
    const index = event === undefined ? -1 : this.events.indexOf(event as Envelope);
    if (index >= 0) return this.indexes[index]!;
    throw this.noEvent(event, what);
  }
}

const current = new AsyncLocalStorage<ChildCall | undefined>();

/** Calls the author's code outside of a handler's call. */
export function outside<T>(body: () => T): T {
  return current.run(undefined, body);
}

/** Returns the handler's call that the caller runs in, if any. */
export function currentCall(): ChildCall | undefined {
  return current.getStore();
}

export function within<T>(call: ChildCall, body: () => T): T {
  return current.run(call, body);
}

/** The context of an event in a plugin's own process. */
export class ChildContext extends HandlerContext {
  constructor(
    private readonly call: ChildCall,
    /** The index of the context's event in `received`. */
    private readonly index: number,
  ) {
    super();
  }

  get headers(): Readonly<Record<string, string>> {
    return this.event.headers;
  }
  get signal(): AbortSignal {
    return this.call.signal;
  }

  protected get handler(): LoggedHandler {
    return this.call.handler;
  }

  protected readFacts(): EventFacts {
    return this.event;
  }

  protected addWork(work: AfterCommitCallback): void {
    const { call, index } = this;
    call.assertLive('EventContext.afterCommit');
    call.work.set(index, [...(call.work.get(index) ?? []), work]);
  }

  protected override loggerWith(known: object): Logger {
    const { call, index } = this;
    return call.handler.log.at({ call: call.id, event: index, known: { ...known } });
  }

  private get event(): WireEvent {
    return this.call.received[this.index]!;
  }
}

/** The context of a batch in a plugin's own process. */
export class ChildBatchContext extends HandlerBatchContext<ChildCall> {
  of(event: object): EventContext {
    return new ChildContext(this.call, this.call.indexOf(event, 'BatchContext.of'));
  }
}
