import { asciiJson } from '../../records/ascii-json';
import type { LongTexts } from '../../records/long-texts';
import type { AppliedUpdate } from '../../broker/delivery';

/** What runs have applied, as a header or a record carries it. */
export interface CarriedUpdates {
  readonly applied: readonly AppliedUpdate[];
  /** Where more of it is: a record of the host's bucket. */
  readonly appliedIn?: string;
}

const MAX_BYTES = 16_384;

/**
 * Makes ready what a header is to carry: the updates themselves, or where they are too long for that
 * the name of a record, in which they are stored first, together with what it has from an earlier try.
 * @param roomBytes what the other headers leave
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

/** All that is carried. */
export async function carried(
  { applied, appliedIn }: CarriedUpdates,
  texts: LongTexts,
): Promise<readonly AppliedUpdate[]> {
  if (appliedIn === undefined) return applied;
  const text = await texts.get(appliedIn);
  // Only somebody's hand removes it before its event is settled; then what it held would be applied again.
  if (text === undefined) texts.missed(appliedIn, {});
  return mergeApplied(applied, parse(text));
}

/** Both, each update once. */
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
