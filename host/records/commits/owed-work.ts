import { encodeCheckpoint, type Checkpoint } from './checkpoint';
import { flatTexts } from './commit';
import type { FoldedLog, FoldedParts } from './folded-log';

/** The work that is left to do for an event after its commits: emits, a dead letter, after-commit work, further parts. */
export interface OwedWork {
  /** The name of the event, from {@link eventKey}. */
  readonly event: string;
  /** The positions of the first and the last commit of the work. The first is 0 if only a checkpoint holds it. */
  readonly first: number;
  readonly last: number;
}

/** Returns the work that is left to do for each event, in the order of the first commits. */
export function owedWork({ unsent, left, parts }: Pick<FoldedLog, 'unsent' | 'left' | 'parts'>): OwedWork[] {
  const owed = new Map<string, OwedWork>();
  const add = (event: string, position: number): void => {
    const { first = position, last = position } = owed.get(event) ?? {};
    owed.set(event, { event, first: Math.min(first, position), last: Math.max(last, position) });
  };
  for (const [event, commits] of unsent) for (const { position } of commits) add(event, position);
  for (const [event, { position }] of left) add(event, position);
  for (const [event, position] of parts.positions) add(event, position);
  return [...owed.values()].sort((a, b) => a.first - b.first);
}

/**
 * Returns a checkpoint that takes at most `maxBytes`. If the work that is left to do does not fit, the checkpoint holds
 * the oldest of it, and begins in front of the commits with the rest, so that a start finds these in the log.
 * @returns undefined if no checkpoint fits
 */
export function fittingCheckpoint(folded: FoldedLog, maxBytes: number): Checkpoint | undefined {
  const { filled, bucketRevision: revision, position, partsToKeep: parts } = folded;
  const whole: Checkpoint = { filled, revision, folded: position, parts };
  if (bytesOf(whole) <= maxBytes) return whole;
  const without = { ...whole, parts: { ...parts, unsent: [], left: [], parts: [] } };
  let room = maxBytes - bytesOf(without);
  if (room < 0) return undefined;
  const sizes = sizesOf(parts);
  const kept = new Set<string>();
  for (const { event, first } of owedWork(folded)) {
    room -= sizes.get(event) ?? 0;
    if (room < 0) return { ...whole, filled: Math.min(filled, first - 1), parts: only(parts, kept) };
    kept.add(event);
  }
  return undefined;
}

function bytesOf(checkpoint: Checkpoint): number {
  return Buffer.byteLength(encodeCheckpoint(checkpoint));
}

/** Returns the size that each event's work takes in a checkpoint. */
function sizesOf({ unsent, left, parts }: FoldedParts): Map<string, number> {
  const sizes = new Map<string, number>();
  const add = (event: string, work: unknown): void => {
    const bytes = Buffer.byteLength(JSON.stringify([event, work])) + 1;
    sizes.set(event, (sizes.get(event) ?? 0) + bytes);
  };
  for (const [event, work] of unsent) add(event, work);
  for (const [event, work] of left) add(event, work);
  for (const [event, reads] of parts) add(event, reads.map(flatTexts));
  return sizes;
}

function only(parts: FoldedParts, events: ReadonlySet<string>): FoldedParts {
  const isKept = ([event]: readonly [string, unknown]): boolean => events.has(event);
  return {
    ...parts,
    unsent: parts.unsent.filter(isKept),
    left: parts.left.filter(isKept),
    parts: parts.parts.filter(isKept),
  };
}
