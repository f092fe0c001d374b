/** The size of the proofs, and the output of their results. */

/** The full size, with `npm run test:chaos -- --full`. */
export const FULL = process.env['CHAOS_FULL'] === '1';

/** The smaller number in CI, the larger one in full. */
export const count = (inCi: number, inFull: number): number => (FULL ? inFull : inCi);

/** Prints one line with the result of a proof. It does not use jest's console, which would add three lines. */
export function report(proof: string, figures: string): void {
  process.stdout.write(`\n  ${proof}: ${figures}\n`);
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** A random length of time between the two. */
export const between = (leastMs: number, mostMs: number): number => leastMs + Math.random() * (mostMs - leastMs);
