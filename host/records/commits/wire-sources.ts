import type { EventOf, Origin, RunChanges } from './commit';

/** The source of several runs in one commit, which is stored once. */
export type WireSource = readonly [
  handler: string,
  version: string | null,
  durable: string | null,
  incarnation: string | null,
  stream: string | null,
];

/** The sources of a commit's runs. There are few, and most runs have the source of the run before. */
export class WireSources {
  readonly list: WireSource[] = [];
  private last = -1;

  indexOf({ origin, event }: RunChanges): number {
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

  private isAt(index: number, { handler, version, stream }: Origin, event: EventOf | undefined): boolean {
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
