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

  /** @param seen what was seen, told where the claim does not hold */
  check(claim: string, held: boolean, seen: string): void {
    this.all.push(held ? { claim, held } : { claim, held, seen });
    if (held) this.screen.good(claim);
    else this.screen.bad(`not so: ${claim} (${seen})`);
  }
}

/** What to say where a claim did not hold; undefined where all did. */
export function unheld(claims: readonly Claim[], hostErrors: readonly string[]): string | undefined {
  const failed = claims.filter(({ held }) => !held);
  if (failed.length === 0) return undefined;
  return [
    `${failed.length} of ${claims.length} claims did not hold:`,
    ...failed.map(({ claim, seen }) => `  ${claim} (${seen})`),
    ...(hostErrors.length > 0 ? ['the host said:', ...hostErrors.map((error) => `  ${error}`)] : []),
  ].join('\n');
}
