import { Conflict, type KeyValue } from '../key-value';
import { SettledSet } from '../settled-set';
import type { FoldedParts } from './folded-log';

/** A stored state of a log, from which a start reads on. */
export interface Checkpoint {
  /** The bucket has all texts of the commits up to this position. A start reads the log from here. */
  readonly filled: number;
  /** The position of the last commit whose events and emits are in the checkpoint. */
  readonly folded: number;
  readonly parts: FoldedParts;
}

interface WireCheckpoint {
  readonly f: number;
  readonly n: number;
  readonly m: number;
  readonly o: FoldedParts['unsent'];
  readonly p: FoldedParts['parts'];
  readonly a: FoldedParts['adopted'];
  readonly s: readonly (readonly [durable: string, incarnation: string, ranges: [number, number][]])[];
}

const FORMAT = 1;

/**
 * The key of the checkpoint. It is in the plugin's own bucket, so that a backup of the bucket holds the checkpoint that
 * belongs to it. No key of a store has this name.
 */
export const CHECKPOINT_KEY = '=checkpoint';

/** Stores the checkpoint of a plugin's log. */
export class CheckpointStore {
  private revision = 0;
  /** The position up to which the newest checkpoint that this host knows says that the bucket is filled. */
  private filledTo = 0;

  constructor(private readonly bucket: KeyValue) {}

  async read(): Promise<Checkpoint | undefined> {
    const entry = await this.bucket.get(CHECKPOINT_KEY, { latest: true });
    this.revision = entry?.revision ?? 0;
    if (entry?.value === undefined) return undefined;
    const { f, n, m, o, p, a, s } = JSON.parse(entry.value) as WireCheckpoint;
    if (f !== FORMAT) throw new Error(`the checkpoint's format is ${f}; this host reads format ${FORMAT}`);
    const settled = s.map(([durable, incarnation, ranges]) => [durable, incarnation, new SettledSet(ranges)] as const);
    this.filledTo = n;
    return { filled: n, folded: m, parts: { unsent: o, parts: p, adopted: a, settled } };
  }

  /**
   * Stores the checkpoint, unless another host has stored a later one.
   * @returns the position up to which the stored checkpoint says that the bucket is filled
   */
  async write({ filled, folded, parts }: Checkpoint): Promise<number> {
    // Never goes back: the log may be removed up to the stored checkpoint.
    if (filled <= this.filledTo) return this.filledTo;
    const wire: WireCheckpoint = {
      f: FORMAT,
      n: filled,
      m: folded,
      o: parts.unsent,
      p: parts.parts,
      a: parts.adopted,
      s: parts.settled.map(([durable, incarnation, ranges]) => [
        durable,
        incarnation,
        JSON.parse(JSON.stringify(ranges)) as [number, number][],
      ]),
    };
    const text = JSON.stringify(wire);
    for (;;) {
      try {
        this.revision = await this.bucket.put(CHECKPOINT_KEY, text, this.revision);
        return (this.filledTo = filled);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        const other = await this.read();
        if (other && other.filled >= filled) return other.filled;
      }
    }
  }
}
