import type { Time } from '../../base/time';
import type { ConcurrencyLimit } from './concurrency-limit';
import type { Executions } from './executions';

export interface StoppingIntake {
  readonly permits: Pick<ConcurrencyLimit, 'stop' | 'idle' | 'running'>;
  readonly executions: Pick<Executions, 'releaseWaiting' | 'releaseAll'>;
  readonly time: Time;
  /** Releases the deliveries that have not begun. */
  releaseQueued(): void;
}

/**
 * Releases the events that have not begun, and lets the others end. Events that still run after `graceMs` are
 * interrupted and released. Resolves when every event is settled.
 */
export async function shutDown(intake: StoppingIntake, graceMs: number): Promise<void> {
  const { permits, executions, time } = intake;
  permits.stop();
  intake.releaseQueued();
  executions.releaseWaiting();
  if (permits.running === 0) return;
  const timer = time.after(graceMs, () => executions.releaseAll());
  await permits.idle();
  timer.cancel();
}
