import type { RecentLetters } from './problems';

const RECENT_MS = 10 * 60_000;
/** How often the position of the stream is kept. */
const KEEP_EVERY_MS = 10_000;

/** The state of the stream of dead letters. */
export interface LetterCount {
  readonly messages: number;
  readonly lastSequence: number;
  readonly lastAtMs: number;
}

/** Counts the dead letters that have arrived in the last 10 minutes, from the positions of their stream. */
export class LetterArrivals {
  private readonly positions: { readonly atMs: number; readonly lastSequence: number }[] = [];

  note({ messages, lastSequence, lastAtMs }: LetterCount, nowMs: number): RecentLetters {
    const last = this.positions.at(-1);
    // The stream was created again, and counts from 1.
    if (last && lastSequence < last.lastSequence) this.positions.length = 0;
    if (!last || nowMs - last.atMs >= KEEP_EVERY_MS) this.positions.push({ atMs: nowMs, lastSequence });
    while (this.positions.length > 1 && nowMs - this.positions[1]!.atMs >= RECENT_MS) this.positions.shift();
    const [oldest] = this.positions;
    const areRecent = messages > 0 && nowMs - lastAtMs < RECENT_MS;
    const isLongEnough = oldest !== undefined && nowMs - oldest.atMs >= RECENT_MS - KEEP_EVERY_MS;
    if (!areRecent || !isLongEnough) return { areRecent };
    return { areRecent, arrived: lastSequence - oldest.lastSequence };
  }
}
