import { createHash } from 'node:crypto';

const BYTES = Buffer.alloc(100_000, 'jetplug');

/** Keeps the CPU busy for a fraction of a millisecond. */
export function burn(): string {
  return createHash('sha256').update(BYTES).digest('hex');
}
