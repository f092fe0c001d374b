import { Execution } from '../../../../host/message/execution';
import { Executions } from '../../../../host/message/intake/executions';
import type { Outcome } from '../../../../host/message/outcome';
import { MessageBench } from '../../../support/message-bench';

function setUp(timeoutMs = 1_000) {
  const { handler } = new MessageBench(undefined, { timeoutMs });
  const hostMoves: string[] = [];
  const executions = new Executions({
    alone: () => Promise.resolve(undefined),
    beginCommit: () => undefined,
    endCommit: () => undefined,
    leaveHost: () => void hostMoves.push('leave'),
    enterHost: () => void hostMoves.push('enter'),
    whenFree: () => undefined,
  });
  const ends: string[] = [];
  const interrupted = (execution: Execution, outcome: Outcome): void =>
    void ends.push(`${execution.startedAtMs} ${outcome.kind}`);
  const start = (startedAtMs: number): Execution => {
    const execution = new Execution(handler, executions);
    execution.startedAtMs = startedAtMs;
    const never = new Promise<never>(() => undefined);
    execution.interruptible(never, { done: () => undefined, failed: () => undefined, interrupted });
    return execution;
  };
  return { executions, ends, start, hostMoves };
}

test('interrupts the runs whose timeout has passed, and returns how long the oldest has run', () => {
  const { executions, ends, start } = setUp(1_000);
  for (const startedAtMs of [100, 0, 500]) start(startedAtMs);
  expect(executions.interruptOverdue(900)).toBe(900);
  expect(ends).toEqual([]);
  expect(executions.interruptOverdue(1_100)).toBe(1_100);
  expect(ends).toEqual(['100 timed-out', '0 timed-out']);
  expect(executions.interruptOverdue(1_200)).toBe(700);
});

test('returns 0 when nothing runs, and when each run waits for its process', () => {
  const { executions, start } = setUp();
  expect(executions.interruptOverdue(5_000)).toBe(0);
  start(Infinity);
  expect(executions.interruptOverdue(5_000)).toBe(0);
});

test('releases first the runs that wait for a process, then all runs', () => {
  const { executions, ends, start } = setUp();
  for (const startedAtMs of [1, Infinity, 2]) start(startedAtMs);
  executions.releaseWaiting();
  expect(ends).toEqual(['Infinity released']);
  expect(executions.isReleased).toBe(false);
  executions.releaseAll();
  expect(ends.slice(1)).toEqual(['1 released', '2 released']);
  expect(executions.isReleased).toBe(true);
  executions.releaseAll();
  expect(ends).toHaveLength(3);
});

test('a call that waits for a process has no permit of the host until it begins or is released', () => {
  const { executions, start, hostMoves } = setUp();
  const begun = start(Infinity);
  begun.leaveHost();
  begun.leaveHost();
  expect(hostMoves.splice(0)).toEqual(['leave']);
  begun.begin();
  expect(hostMoves.splice(0)).toEqual(['enter']);
  start(Infinity).leaveHost();
  executions.releaseAll();
  expect(hostMoves).toEqual(['leave', 'enter']);
});
