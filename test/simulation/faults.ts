import type { Dice } from './dice';

/** The least time that a message takes. */
export const QUICKEST_MS = 0.2;

/** How often each fault happens in a schedule: the share of the messages that it hits. */
export interface Faults {
  /** Acks, naks and requests of pulls that the broker never gets. */
  lostMessages: number;
  /** Requests that the broker never gets. */
  lostRequests: number;
  /** Requests that the broker carries out and that get no answer. */
  lostAnswers: number;
  /** Requests that the broker carries out after the host has given up. */
  lateRequests: number;
  /** Messages that take up to half a second. */
  slow: number;
  /** Commits of which a host that follows the log is not notified. */
  lostTail: number;
  /** Deliveries that the broker makes again before their ack wait is over, as after a change of its leader. */
  earlyRedeliveries: number;
  /** Messages by which a host says to the others that it runs, and which do not arrive. */
  lostPresence: number;
  /** Requests that keep the pin of a durable, and have no effect. */
  lostKeeps: number;
  /** Pins that the broker takes from their host within 5 s, as after a change of its leader. */
  movedPins: number;
  /** Changes of the leader after which messages that are on their way arrive later than those of the next pin. */
  lateDeliveries: number;
  /** Reads of a bucket that a replica answers which is behind. */
  staleReads: number;
}

export const NO_FAULTS: Faults = {
  lostMessages: 0,
  lostRequests: 0,
  lostAnswers: 0,
  lateRequests: 0,
  slow: 0,
  lostTail: 0,
  earlyRedeliveries: 0,
  lostPresence: 0,
  lostKeeps: 0,
  movedPins: 0,
  lateDeliveries: 0,
  staleReads: 0,
};

const MOST: Faults = {
  lostMessages: 0.1,
  lostRequests: 0.05,
  lostAnswers: 0.1,
  lateRequests: 0.03,
  slow: 0.1,
  lostTail: 0.3,
  earlyRedeliveries: 0.1,
  lostPresence: 0.9,
  lostKeeps: 0.9,
  movedPins: 0.5,
  lateDeliveries: 1,
  staleReads: 0.3,
};

/** Draws the faults of a schedule. About half of them are left out, because some faults hide what others would show. */
export function drawFaults(dice: Dice): Faults {
  const faults = { ...NO_FAULTS };
  for (const fault of Object.keys(MOST) as (keyof Faults)[]) {
    if (dice.chance(0.5)) faults[fault] = dice.fraction() * MOST[fault];
  }
  return faults;
}
