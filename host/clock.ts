import type { Clock } from '../sdk';

/** The machine's time. */
export const systemClock: Clock = { now: () => new Date() };
