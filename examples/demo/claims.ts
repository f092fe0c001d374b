import type { Screen } from './screen';

/** A claim of the demonstration, and whether this run confirmed it. */
export interface Claim {
  readonly claim: string;
  readonly held: boolean;
  /** The observation, for a claim that did not hold. */
  readonly seen?: string;
}

export class Claims {
  readonly all: Claim[] = [];

  constructor(private readonly screen: Screen) {}

  /** @param seen the observation, shown where the claim does not hold */
  check(claim: string, held: boolean, seen: string): void {
    this.all.push(held ? { claim, held } : { claim, held, seen });
    if (held) this.screen.good(claim);
    else this.screen.bad(`not so: ${claim} (${seen})`);
  }
}

/** The text about claims that did not hold; undefined where all held. */
export function unheld(claims: readonly Claim[], hostErrors: readonly string[]): string | undefined {
  const failed = claims.filter(({ held }) => !held);
  if (failed.length === 0) return undefined;
  return [
    `${failed.length} of ${claims.length} claims did not hold:`,
    ...failed.map(({ claim, seen }) => `  ${claim} (${seen})`),
    ...(hostErrors.length > 0 ? ['the host said:', ...hostErrors.map((error) => `  ${error}`)] : []),
  ].join('\n');
}
