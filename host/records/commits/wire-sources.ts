/** The source of several runs in one commit, which is stored once. */
export type WireSource = readonly [
  handler: string,
  version: string | null,
  durable: string | null,
  incarnation: string | null,
  stream: string | null,
];

/** The properties of a run that make its source. */
interface SourceOf {
  readonly origin: { readonly handler: string; readonly version?: string; readonly stream?: string };
  readonly event?: { readonly durable: string; readonly incarnation: string };
}

/** The sources of a commit's runs. There are few, and most runs have the source of the run before. */
export class WireSources {
  readonly list: WireSource[] = [];
  private last = -1;

  indexOf({ origin, event }: SourceOf): number {
    if (!this.isAt(this.last, origin, event)) {
      this.last = this.list.findIndex((_, index) => this.isAt(index, origin, event));
    }
    if (this.last < 0) {
      const { handler, version = null, stream = null } = origin;
      const { durable = null, incarnation = null } = event ?? {};
      this.last = this.list.push([handler, version, durable, incarnation, stream]) - 1;
    }
    return this.last;
  }

  private isAt(index: number, { handler, version, stream }: SourceOf['origin'], event: SourceOf['event']): boolean {
    const source = this.list[index];
    if (!source) return false;
    const [ofHandler, ofVersion, ofDurable, ofIncarnation, ofStream] = source;
    return (
      ofHandler === handler &&
      ofVersion === (version ?? null) &&
      ofDurable === (event?.durable ?? null) &&
      ofIncarnation === (event?.incarnation ?? null) &&
      ofStream === (stream ?? null)
    );
  }
}
