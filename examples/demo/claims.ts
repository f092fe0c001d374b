import type { Screen } from './screen';

/** What the demonstration says is so, and whether this run bore it out. */
export interface Claim {
  readonly claim: string;
  readonly held: boolean;
  /** What was seen instead, where it did not hold. */
  readonly seen?: string;
}

export class Claims {
  readonly all: Claim[] = [];

  constructor(private readonly screen: Screen) {}

  get failed(): Claim[] {
    return this.all.filter(({ held }) => !held);
  }

  /** @param seen what was seen, told where the claim does not hold */
  check(claim: string, held: boolean, seen: string): void {
    this.all.push(held ? { claim, held } : { claim, held, seen });
    if (held) this.screen.good(claim);
    else this.screen.bad(`not so: ${claim} (${seen})`);
  }
}
