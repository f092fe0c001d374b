import { createHash } from 'node:crypto';

const BYTES = Buffer.alloc(100_000, 'jetplug');

/** Work for the CPU alone, a fraction of a millisecond of it. */
export function burn(): string {
  return createHash('sha256').update(BYTES).digest('hex');
}
