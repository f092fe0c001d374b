import { BoundedMap } from '../../base/bounded-map';

const MAX_TRIES = 10;
const IN_MS = 60_000;
const MAX_ADDRESSES = 10_000;

/** Counts wrong tokens by address, so that nobody can try many. */
export class FailedTries {
  private readonly tries = new BoundedMap<string, { count: number; readonly sinceMs: number }>(MAX_ADDRESSES);

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** Counts a wrong token. */
  note(address: string): void {
    const counted = this.current(address);
    if (counted) counted.count++;
    else this.tries.set(address, { count: 1, sinceMs: this.nowMs() });
  }

  /** Returns the seconds until the address may try again; undefined if it may try now. */
  waitS(address: string): number | undefined {
    const counted = this.current(address);
    if (!counted || counted.count < MAX_TRIES) return undefined;
    return Math.ceil((counted.sinceMs + IN_MS - this.nowMs()) / 1_000);
  }

  private current(address: string) {
    const counted = this.tries.get(address);
    return counted && this.nowMs() - counted.sinceMs < IN_MS ? counted : undefined;
  }
}
