import type { BatchContext, EventContext, Logger } from '../../sdk';
import type { Envelope } from '../../sdk/internal';
import { Execution } from './execution';
import { RunContext, type Run, type Scope } from './run';
import { RunLogger } from './run-logger';

/** The call of a handler that takes several events at a time: a run for each of them, in one call. */
export class Batch extends Execution implements Scope {
  readonly events: readonly Envelope[];
  /** Made when it is asked for: few handlers ask. */
  private byEvent: ReadonlyMap<object, Run> | undefined;

  /** @param runs at least one, all of one handler, each with its event */
  constructor(readonly runs: readonly Run[]) {
    super(runs[0]!.handler, runs[0]!.registry);
    this.events = runs.map((run) => run.event!);
    for (const run of runs) run.batch = this;
  }

  runFor(event: object | undefined, what: string): Run {
    this.byEvent ??= new Map(this.runs.map((run) => [run.event!, run]));
    const run = event && this.byEvent.get(event);
    if (run) return run;
    throw this.noEvent(event, what);
  }
}

/** What a handler of batches gets as its second parameter. */
export class RunBatchContext implements BatchContext {
  constructor(private readonly batch: Batch) {}

  of(event: object): EventContext {
    return new RunContext(this.batch.runFor(event, 'BatchContext.of'));
  }
  get signal(): AbortSignal {
    return this.batch.signal;
  }
  get log(): Logger {
    const { handler, events } = this.batch;
    return new RunLogger(handler.log, { handler: handler.name, batch: events.length });
  }
}
