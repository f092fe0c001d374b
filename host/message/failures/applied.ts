import { asciiJson } from '../../records/ascii-json';
import type { LongTexts } from '../../records/long-texts';
import type { AppliedUpdate } from '../../broker/delivery';

/** Applied updates, as a header or a record carries them. */
export interface CarriedUpdates {
  readonly applied: readonly AppliedUpdate[];
  /** The name of a record in the host's bucket with more updates. */
  readonly appliedIn?: string;
}

const MAX_BYTES = 16_384;

/**
 * Prepares updates for a header: the updates themselves or, if they are too long, the name of a record. The record is
 * stored first, together with the updates that an earlier attempt stored.
 * @param roomBytes the number of bytes that the other headers leave
 */
export async function carry(
  applied: readonly AppliedUpdate[],
  record: string,
  texts: LongTexts,
  roomBytes = MAX_BYTES,
): Promise<CarriedUpdates> {
  if (isShort(applied, roomBytes)) return { applied };
  const before = parse(await texts.get(record));
  await texts.put(JSON.stringify(mergeApplied(before, applied)), record);
  return { applied: [], appliedIn: record };
}

export function isShort(applied: readonly AppliedUpdate[], roomBytes = MAX_BYTES): boolean {
  return applied.length === 0 || asciiJson(applied).length <= Math.min(roomBytes, MAX_BYTES);
}

/** Returns all updates that a header or record carries. */
export async function carried(
  { applied, appliedIn }: CarriedUpdates,
  texts: LongTexts,
): Promise<readonly AppliedUpdate[]> {
  if (appliedIn === undefined) return applied;
  const text = await texts.get(appliedIn);
  // Only a person can have removed the record before the event is settled. The updates in it are then applied again.
  if (text === undefined) texts.missed(appliedIn, {});
  return mergeApplied(applied, parse(text));
}

/** Returns the updates of both lists, without duplicates. */
export function mergeApplied(
  before: readonly AppliedUpdate[],
  added: readonly AppliedUpdate[],
): readonly AppliedUpdate[] {
  if (before.length === 0) return added;
  if (added.length === 0) return before;
  const has = new Set(before.map(nameOf));
  return [...before, ...added.filter((update) => !has.has(nameOf(update)))];
}

function nameOf([key, ordinal]: AppliedUpdate): string {
  return `${ordinal} ${key}`;
}

function parse(text: string | undefined): readonly AppliedUpdate[] {
  return text === undefined ? [] : (JSON.parse(text) as readonly AppliedUpdate[]);
}
