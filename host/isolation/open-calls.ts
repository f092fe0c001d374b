import type { JetplugError } from '../../sdk/internal';
import type { Execution } from '../message/execution';
import { OutcomeKnown, RELEASED } from '../message/outcome';
import { Batch } from '../message/batch';
import type { Run, Scope } from '../message/run';
import type { WorkerCall } from './worker';

/** A call of the functions that a handler has passed to `afterCommit`. Only the worker that has them can run them. */
export interface WorkCall {
  readonly scope: Execution;
  resolve(): void;
  reject(error: unknown): void;
}

type OpenCall = (WorkerCall | WorkCall) & { begun: boolean };

/** The calls of a worker that have not ended, by the number that host and worker use for a call. */
export class OpenCalls {
  private readonly calls = new Map<number, OpenCall>();
  private last = 0;

  get size(): number {
    return this.calls.size;
  }

  /**
   * Adds a call.
   * @returns the call's number
   */
  add(call: WorkerCall | WorkCall): number {
    this.calls.set(++this.last, { ...call, begun: false });
    return this.last;
  }

  has(id: number): boolean {
    return this.calls.has(id);
  }

  /** Returns the run or the batch of a handler's call. */
  scopeOf(id: number): Scope | undefined {
    const call = this.calls.get(id);
    return call && isOfHandler(call) ? call.scope : undefined;
  }

  /** Notes that the handler of a call begins. The timeout counts from this moment, not from when the call was sent. */
  begin(id: number): void {
    const call = this.calls.get(id);
    if (!call) return;
    call.begun = true;
    call.scope.begin();
  }

  end(id: number, error?: { readonly thrown: unknown }): void {
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (error) call?.reject(error.thrown);
    else call?.resolve();
  }

  /** Finds a call whose run is over, by its timeout or the host's stop, though its handler has not returned. */
  overdue(): WorkerCall | WorkCall | undefined {
    return [...this.calls.values()].find(({ scope }) => scope.isOver);
  }

  /**
   * Ends all calls when their worker has ended. Calls that had begun are rejected.
   * @returns the calls whose handler had not begun, which can run elsewhere
   */
  close(error: JetplugError): WorkerCall[] {
    const calls = [...this.calls.values()];
    this.calls.clear();
    for (const call of calls) {
      const { begun, scope, resolve, reject } = call;
      if (scope.isOver) resolve();
      else if (begun) reject(new OutcomeKnown({ kind: 'died', error }));
      else if (!isOfHandler(call)) reject(new OutcomeKnown(RELEASED));
    }
    return calls.filter(isOfHandler).filter(({ begun, scope }) => !begun && !scope.isOver);
  }
}

function isOfHandler(call: OpenCall): call is WorkerCall & { begun: boolean } {
  return 'method' in call;
}

/** Returns the runs of a handler's call: one, or those of a batch. */
export function runsOf(scope: Scope): readonly Run[] {
  return scope instanceof Batch ? scope.runs : [scope as Run];
}
