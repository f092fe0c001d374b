/** How large the proofs are, and how they say what they found. */

/** All of it, with `npm run test:chaos -- --full`. */
export const FULL = process.env['CHAOS_FULL'] === '1';

/** So many in CI, so many in full. */
export const count = (inCi: number, inFull: number): number => (FULL ? inFull : inCi);

/** One line with what a proof did and saw. Past jest's console, which would add three. */
export function report(proof: string, figures: string): void {
  process.stdout.write(`\n  ${proof}: ${figures}\n`);
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** A random length of time between the two. */
export const between = (leastMs: number, mostMs: number): number => leastMs + Math.random() * (mostMs - leastMs);
