import type { MessageRef } from '../../broker/delivery';
import type { Pace } from './pace';
import type { Execution, RunRegistry } from '../execution';
import { RELEASED } from '../outcome';
import { timedOut } from '../thrown-outcome';

/** The executions of one handler that can be interrupted by their timeout or by a stop of the host. */
export class Executions implements RunRegistry {
  private readonly running: Execution[] = [];
  private released = false;

  constructor(
    private readonly permits: Omit<RunRegistry, 'add' | 'remove' | 'isReleased' | 'called'>,
    private readonly pace?: Pick<Pace, 'called'>,
  ) {}

  alone(): ReturnType<RunRegistry['alone']> {
    return this.permits.alone();
  }

  beginCommit(): void {
    this.permits.beginCommit();
  }

  endCommit(): void {
    this.permits.endCommit();
  }

  leaveHost(): void {
    this.permits.leaveHost();
  }

  enterHost(): void {
    this.permits.enterHost();
  }

  called(delivery: MessageRef): void {
    this.pace?.called(delivery);
  }

  whenFree(): Promise<void> | undefined {
    return this.permits.whenFree();
  }

  add(execution: Execution): void {
    execution.place = this.running.push(execution) - 1;
  }

  /** Removes the execution in constant time, because the last execution moves to the freed index. */
  remove(execution: Execution): void {
    const last = this.running.pop()!;
    if (last === execution) return;
    this.running[execution.place] = last;
    last.place = execution.place;
  }

  get isReleased(): boolean {
    return this.released;
  }

  /**
   * Interrupts each execution whose timeout has passed.
   * @returns for how long the oldest execution has run, in milliseconds; 0 without one
   */
  interruptOverdue(nowMs: number): number {
    let oldestMs = 0;
    for (const execution of this.copy()) {
      const tookMs = execution.ranMs(nowMs);
      oldestMs = Math.max(oldestMs, tookMs);
      if (tookMs >= execution.handler.timeoutMs) execution.interrupt(timedOut(execution));
    }
    return oldestMs;
  }

  /** Releases the events of calls that wait for the plugin's process. */
  releaseWaiting(): void {
    for (const execution of this.copy()) if (execution.waits) execution.interrupt(RELEASED);
  }

  /** Releases the events of all calls, and those of runs that have not called their handler yet. */
  releaseAll(): void {
    this.released = true;
    this.interruptAll();
  }

  /** Releases the events of all calls, because another host gets them. */
  interruptAll(): void {
    for (const execution of this.copy()) execution.interrupt(RELEASED);
  }

  /** Copies the list, because an interrupted execution leaves it at once. */
  private copy(): readonly Execution[] {
    return [...this.running];
  }
}
