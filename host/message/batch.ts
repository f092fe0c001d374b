import type { EventContext } from '../../sdk';
import type { Envelope } from '../../sdk/internal';
import { BatchWrites } from '../records/commits/batch-writes';
import { Execution } from './execution';
import { HandlerBatchContext } from './handler-context';
import type { BatchCall, Run, Scope } from './run';
import { RunContext } from './run-context';

/** One call of a handler with several events, each with a run of its own. */
export class Batch extends Execution implements Scope, BatchCall {
  readonly events: readonly Envelope[];
  /** The runs by their events. Built at the first request, because few handlers need it. */
  private byEvent: ReadonlyMap<object, Run> | undefined;

  /** The runs that are being committed: those without a failure. */
  committing: readonly Run[] = [];
  private changes: BatchWrites | undefined;

  /** @param runs at least one, all of one handler, each with its event */
  constructor(readonly runs: readonly Run[]) {
    super(runs[0]!.handler, runs[0]!.registry);
    this.events = runs.map((run) => run.event!);
    const [first] = runs;
    if (first!.hasTransaction) this.startFrom(first!.transaction);
    for (const run of runs) run.batch = this;
  }

  /** The store changes of the call, by event. */
  get writes(): BatchWrites {
    return (this.changes ??= new BatchWrites(this.transaction));
  }

  override called(): void {
    for (const run of this.runs) run.called();
  }

  runFor(event: object | undefined, what: string): Run {
    this.byEvent ??= new Map(this.runs.map((run) => [run.event!, run]));
    const run = event && this.byEvent.get(event);
    if (run) return run;
    throw this.noEvent(event, what);
  }
}

/** The context of a batch in the host. */
export class RunBatchContext extends HandlerBatchContext<Batch> {
  of(event: object): EventContext {
    return new RunContext(this.call.runFor(event, 'BatchContext.of'));
  }
}
