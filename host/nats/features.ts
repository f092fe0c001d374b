/** What not every server can do: the name it goes by in messages, and the version it came with. */
const FEATURES = {
  metadata: { name: 'metadata on streams and consumers', since: '2.10.0' },
  createOnly: { name: 'making a durable only where there is none', since: '2.10.0' },
  termReason: { name: 'a reason with term', since: '2.10.4' },
} as const;

export type Feature = keyof typeof FEATURES;

const ALL = Object.keys(FEATURES) as Feature[];

/** Which of the features a server has. */
export class Features {
  private readonly present: ReadonlySet<Feature>;

  constructor(readonly version: string) {
    // Asked for with every delivery.
    this.present = new Set(ALL.filter((feature) => compareVersions(version, FEATURES[feature].since) >= 0));
  }

  has(feature: Feature): boolean {
    return this.present.has(feature);
  }

  /** A line for each feature that this server lacks, to be said once at the start. */
  missing(): string[] {
    return ALL.filter((feature) => !this.has(feature)).map(
      (feature) =>
        `${FEATURES[feature].name} needs nats-server ${FEATURES[feature].since}; ${this.version} goes without`,
    );
  }
}

/** Below, at or above 0, as the first version is older, the same or newer; pre-release tags are left out. */
export function compareVersions(a: string, b: string): number {
  const [as, bs] = [a, b].map((version) => version.replace(/^v/, '').split(/[.-]/).slice(0, 3).map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (as?.[i] || 0) - (bs?.[i] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
