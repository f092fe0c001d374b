import type { AfterCommitCallback } from '../message/handler-context';
import type { ChildCall } from './child-call';

/** The functions that handlers have passed to `afterCommit`, until the host orders to run or to forget them. */
export class ChildWork {
  private readonly calls = new Map<number, ChildCall>();

  /**
   * Keeps the functions of a call that has ended.
   * @returns the indexes of the events that have any
   */
  keep(call: ChildCall): readonly number[] {
    if (call.work.size > 0) this.calls.set(call.id, call);
    return [...call.work.keys()];
  }

  /** Takes out the functions of an event, with their call. */
  take(id: number, event: number): { readonly call: ChildCall; readonly work: readonly AfterCommitCallback[] } {
    const call = this.calls.get(id)!;
    const work = call.work.get(event)!;
    call.work.delete(event);
    if (call.work.size === 0) this.calls.delete(id);
    return { call, work };
  }
}
