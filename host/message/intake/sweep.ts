import { SharedTimer } from '../../base/shared-timer';
import type { Time } from '../../base/time';
import type { Intake } from './intake';

const PERIOD_MS = 200;

/**
 * The one timer for all handlers' deliveries, because a timer for each message would cost a fifth of the throughput.
 */
export class Sweep extends SharedTimer<Intake> {
  constructor(time?: Time) {
    super(PERIOD_MS, (intake, nowMs) => intake.sweep(nowMs), time);
  }
}
