import type { Time } from '../../base/time';
import type { ExecutionSlots } from './execution-slots';
import type { Executions } from './executions';

export interface StoppingIntake {
  readonly slots: Pick<ExecutionSlots, 'stop' | 'idle' | 'running'>;
  readonly executions: Pick<Executions, 'releaseWaiting' | 'releaseAll'>;
  readonly time: Time;
  /** Gives back the deliveries that have not begun. */
  releaseQueued(): void;
}

/**
 * Gives back the events that have not begun, and lets the others end. Those that run when `graceMs` is over are
 * interrupted and given back. Resolves when every event is settled.
 */
export async function shutDown(intake: StoppingIntake, graceMs: number): Promise<void> {
  const { slots, executions, time } = intake;
  slots.stop();
  intake.releaseQueued();
  executions.releaseWaiting();
  if (slots.running === 0) return;
  const timer = time.after(graceMs, () => executions.releaseAll());
  await slots.idle();
  timer.cancel();
}
