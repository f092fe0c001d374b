import { JetplugError } from '../../../sdk/internal';
import { Conflict, type KeyValue } from '../key-value';
import { SettledSet } from '../settled-set';
import { decodeDeparture, encodeDeparture, flatTexts, textsOf } from './commit';
import type { FoldedParts } from './folded-log';

/** A stored state of a log, from which a start reads on. */
export interface Checkpoint {
  /** The bucket has all texts of the commits up to this position. A start reads the log from here. */
  readonly filled: number;
  /** A revision by which the bucket had these texts. */
  readonly revision: number;
  /** The position of the last commit whose events and emits are in the checkpoint. */
  readonly folded: number;
  readonly parts: FoldedParts;
}

interface WireCheckpoint {
  readonly f: number;
  readonly n: number;
  readonly v: number;
  readonly m: number;
  readonly o: FoldedParts['unsent'];
  readonly l: readonly (readonly [event: string, left: ReturnType<typeof encodeDeparture>, position: number])[];
  readonly p: readonly (readonly [event: string, reads: readonly (readonly (string | null)[])[]])[];
  readonly a: FoldedParts['adopted'];
  readonly s: readonly (readonly [durable: string, incarnation: string, ranges: [number, number][]])[];
  readonly c?: FoldedParts['claims'];
}

const FORMAT = 1;

/**
 * The key of the checkpoint. It is in the plugin's own bucket, so that a backup of the bucket holds the checkpoint that
 * belongs to it. No key of a store has this name.
 */
export const CHECKPOINT_KEY = '=checkpoint';

/**
 * The distance between the last commit that a bucket knows and the first position of a log that replaces a lost one. The
 * lost log may have had later commits.
 */
const LOST_GAP = 1_000_000;

/** Returns a position above all those of a lost log, for the one that replaces it; 0 if there is no bucket either. */
export async function positionsBefore(bucket: KeyValue | undefined): Promise<number> {
  if (!bucket) return 0;
  return ((await new CheckpointStore(bucket).read())?.folded ?? 0) + LOST_GAP;
}

/**
 * Whether a log that begins at this position is the first one of its bucket: when it was created, no checkpoint was
 * stored. A start that ended between the creation of the bucket and that of the log leaves such a bucket.
 */
export function isFirstLog(begins: number): boolean {
  return begins <= LOST_GAP + 1;
}

/** Returns the checkpoint as the text of its value. */
export function encodeCheckpoint({ filled, revision, folded, parts }: Checkpoint): string {
  const wire: WireCheckpoint = {
    f: FORMAT,
    n: filled,
    v: revision,
    m: folded,
    o: parts.unsent,
    l: parts.left.map(([event, { departure, position }]) => [event, encodeDeparture(departure), position]),
    p: parts.parts.map(([event, reads]) => [event, reads.map(flatTexts)]),
    a: parts.adopted,
    s: parts.settled.map(([durable, incarnation, ranges]) => [
      durable,
      incarnation,
      JSON.parse(JSON.stringify(ranges)) as [number, number][],
    ]),
    ...(parts.claims.length > 0 && { c: parts.claims }),
  };
  return JSON.stringify(wire);
}

/** Thrown when the stored checkpoint is older than one that this host has seen: the bucket was lost or restored. */
export class CheckpointRegressed extends Error {
  override readonly name = 'CheckpointRegressed';
}

/** Stores the checkpoint of a plugin's log. */
export class CheckpointStore {
  private revision = 0;
  /** The highest position of a stored checkpoint that this host has read or written. */
  private highest = 0;
  private lastRead = 0;

  constructor(private readonly bucket: KeyValue) {}

  /** Accepts that the stored checkpoint is an earlier one. */
  startOver(): void {
    this.highest = 0;
    this.lastRead = 0;
  }

  /** Whether the stored checkpoint was older when it was last read than one that this host had seen. */
  get hasRegressed(): boolean {
    return this.lastRead < this.highest;
  }

  async read(): Promise<Checkpoint | undefined> {
    const checkpoint = await this.readAny();
    this.lastRead = checkpoint?.filled ?? 0;
    this.highest = Math.max(this.highest, this.lastRead);
    return checkpoint;
  }

  /**
   * Stores the checkpoint, unless another host has stored a later one.
   * @returns the position up to which the stored checkpoint says that the bucket is filled
   * @throws CheckpointRegressed
   */
  async write(checkpoint: Checkpoint): Promise<number> {
    const { filled } = checkpoint;
    const text = encodeCheckpoint(checkpoint);
    for (;;) {
      if (this.hasRegressed) throw new CheckpointRegressed(`the checkpoint is at ${this.lastRead} again`);
      // Never goes back, because the log may be removed up to the stored checkpoint.
      if (this.lastRead >= filled) return this.lastRead;
      try {
        this.revision = await this.bucket.put(CHECKPOINT_KEY, text, this.revision);
        this.lastRead = filled;
        this.highest = Math.max(this.highest, filled);
        return filled;
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        await this.read();
      }
    }
  }

  private async readAny(): Promise<Checkpoint | undefined> {
    const entry = await this.bucket.get(CHECKPOINT_KEY, { latest: true });
    this.revision = entry?.revision ?? 0;
    if (entry?.value === undefined) return undefined;
    const { f, n, v, m, o, l, p, a, s, c = [] } = JSON.parse(entry.value) as WireCheckpoint;
    if (f !== FORMAT) {
      const message = `the checkpoint's format is ${f}; this host reads format ${FORMAT}`;
      throw new JetplugError('JP_LOG_UNREADABLE', message);
    }
    const settled = s.map(([durable, incarnation, ranges]) => [durable, incarnation, new SettledSet(ranges)] as const);
    const left = l.map(([event, departure, position]) => {
      return [event, { departure: decodeDeparture(departure), position }] as const;
    });
    const parts = p.map(([event, reads]) => [event, reads.map(textsOf)] as const);
    return { filled: n, revision: v, folded: m, parts: { unsent: o, left, parts, adopted: a, settled, claims: c } };
  }
}
