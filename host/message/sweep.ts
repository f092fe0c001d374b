import { machineTime, type Time, type Timer } from '../time';
import type { Intake } from './intake';

const PERIOD_MS = 200;

/** One timer for all handlers, as a timer for each message would cost a fifth of the throughput. */
export class Sweep {
  private readonly intakes = new Set<Intake>();
  private timer: Timer | undefined;

  constructor(private readonly time: Time = machineTime) {}

  add(intake: Intake): void {
    this.intakes.add(intake);
    this.timer ??= this.time.every(PERIOD_MS, () => this.run());
  }

  remove(intake: Intake): void {
    this.intakes.delete(intake);
    if (this.intakes.size > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private run(): void {
    const nowMs = this.time.nowMs();
    for (const intake of this.intakes) intake.sweep(nowMs);
  }
}
