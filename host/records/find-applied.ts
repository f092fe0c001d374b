import type { KeyValue } from './key-value';
import type { LongTexts } from './long-texts';
import { decodeMarks, type Mark, type SetAside } from './marks';
import type { Settlements } from './settlements';

/** A store update that was already applied: the key, its index among this run's updates of that key, and the resulting text. */
type Applied = readonly [key: string, ordinal: number, text: string | null];

/**
 * Finds the updates that a handler's runs of a message have applied, from their marks. Reads the headers of the whole
 * bucket, so it is only used for a message that leaves its stream after a run whose result is unknown.
 */
export async function findApplied(
  bucket: KeyValue,
  texts: LongTexts,
  { durable, streamIncarnation }: Pick<Settlements, 'durable' | 'streamIncarnation'>,
  sequence: number,
): Promise<readonly Applied[]> {
  const found: Applied[] = [];
  for (const { key, marks } of await bucket.marked()) {
    if (!marks.includes(`[${sequence},`)) continue;
    const entry = await bucket.get(key);
    const own = decodeMarks(entry?.marks, entry?.value)[durable];
    if (own?.g !== streamIncarnation) continue;
    for (const mark of own.m.filter(([of]) => of === sequence)) {
      found.push([key, mark[1], await textOf(mark, durable, texts)]);
    }
  }
  return found;
}

async function textOf(
  [sequence, ordinal, text, record]: Mark,
  durable: string,
  texts: LongTexts,
): Promise<string | null> {
  if (record === undefined) return text;
  const kept = await texts.get(record);
  const all = kept === undefined ? [] : (JSON.parse(kept) as SetAside);
  return all.find((one) => one[0] === durable && one[1] === sequence && one[2] === ordinal)?.[3] ?? null;
}
