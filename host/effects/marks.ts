import { asciiJson } from './ascii-json';

/**
 * The marks of one key: which updates of it have been applied, and what each of them returned. They
 * are kept beside the value, in a header of the same message, so that value and marks change together.
 */
export type Marks = Readonly<Record<string, HandlerMarks>>;

export interface HandlerMarks {
  /** Which stream the sequences are of: when it was made. */
  readonly g: string;
  /** The revision of the handler's settled record by which marks were last dropped. */
  readonly r: number;
  readonly m: readonly Mark[];
}

/**
 * Sequence, ordinal of the update within the handler's run, and the text it left, null for none; or 1
 * in the last place, where that text was too long to keep.
 */
export type Mark = readonly [sequence: number, ordinal: number, text: string | null, leftOut?: 1];

/** A message's headers end at 64 KiB. */
const MAX_BYTES = 49_152;
const SHORTER = [4_096, 1_024, 256, 0];

/** As a header takes it. Where the marks do not fit, the longest texts are left out; that an update was applied is always kept. */
export function encodeMarks(marks: Marks): string {
  let text = asciiJson(marks);
  for (const limit of SHORTER) {
    if (text.length <= MAX_BYTES) break;
    text = asciiJson(withoutLongTexts(marks, limit));
  }
  return text;
}

function withoutLongTexts(marks: Marks, limit: number): Marks {
  const shorten = (mark: Mark): Mark => ((mark[2]?.length ?? 0) > limit ? [mark[0], mark[1], null, 1] : mark);
  return Object.fromEntries(Object.entries(marks).map(([name, { g, r, m }]) => [name, { g, r, m: m.map(shorten) }]));
}

export function decodeMarks(header: string | undefined): Marks {
  return header === undefined || header === '' ? {} : (JSON.parse(header) as Marks);
}
