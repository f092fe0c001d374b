import type { Intake } from './intake';

const PERIOD_MS = 200;

/** One timer for all handlers, as a timer for each message would cost a fifth of the throughput. */
export class Sweep {
  private readonly intakes = new Set<Intake>();
  private timer: NodeJS.Timeout | undefined;

  add(intake: Intake): void {
    this.intakes.add(intake);
    this.timer ??= setInterval(() => this.run(), PERIOD_MS);
  }

  remove(intake: Intake): void {
    this.intakes.delete(intake);
    if (this.intakes.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private run(): void {
    const nowMs = performance.now();
    for (const intake of this.intakes) intake.sweep(nowMs);
  }
}
