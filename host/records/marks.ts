import { asciiJson } from './ascii-json';

/**
 * The marks of one key, by durable: the updates of the key that were applied, with the result of each. They are stored
 * in a header of the value's message, so that value and marks change together.
 */
export type Marks = Readonly<Record<string, HandlerMarks>>;

export interface HandlerMarks {
  /** The stream that the sequences belong to, by the time at which it was created. */
  readonly g: string;
  /** The revision of the handler's settled record when marks were last dropped. */
  readonly r: number;
  readonly m: readonly Mark[];
}

/**
 * The event's sequence, the index of the update among the run's updates of this key, and the resulting text, null for
 * no value. If the text is too long for the header, it is null and the name of the record that holds it comes last.
 */
export type Mark = readonly [sequence: number, ordinal: number, text: string | null, record?: string];

/** The long texts in one record, each with its handler, event and update. */
export type SetAside = readonly (readonly [durable: string, sequence: number, ordinal: number, text: string])[];

/** Below the server's limit of 64 KiB for the headers of a message. */
const MAX_BYTES = 49_152;
/** A text of this length, or a shorter one, stays in the header: a record's name would take as much room. */
const SHORT_TEXT = 16;

/** Replaces a long text that equals the value, such as the last update's: a large value is not stored twice. */
const THE_VALUE = 1;

/** The marks as a header of this value. */
export function encodeMarks(marks: Marks, value: string | undefined): string {
  if (!some(marks, isLong)) return asciiJson(marks);
  return asciiJson(
    mapMarks(marks, (mark) => (isLong(mark) && mark[2] === value ? [mark[0], mark[1], THE_VALUE as never] : mark)),
  );
}

/** The marks as a header of this value; undefined if they are too long for a header. */
export function encodeIfShort(marks: Marks, value: string | undefined): string | undefined {
  // Encoding large texts is slow: it is skipped if their length alone exceeds the limit.
  const long = some(marks, isLong) ? longTexts(marks, value) : [];
  const least = long.reduce((sum, [, , , text]) => sum + text.length, 0);
  const encoded = least > MAX_BYTES ? undefined : encodeMarks(marks, value);
  return encoded === undefined || encoded.length > MAX_BYTES ? undefined : encoded;
}

export function decodeMarks(header: string | undefined, value: string | undefined): Marks {
  if (header === undefined || header === '') return {};
  const isTheValue = ([, , text]: Mark): boolean => (text as unknown) === THE_VALUE;
  const marks = JSON.parse(header) as Marks;
  if (!some(marks, isTheValue)) return marks;
  return mapMarks(marks, (mark) => (isTheValue(mark) ? [mark[0], mark[1], value ?? null] : mark));
}

/** The long texts in the marks, without those that equal the value. */
export function longTexts(marks: Marks, value: string | undefined): SetAside {
  return Object.entries(marks).flatMap(([durable, { m }]) =>
    m
      .filter((mark) => isLong(mark) && mark[2] !== value)
      .map(([sequence, ordinal, text]) => [durable, sequence, ordinal, text!] as const),
  );
}

/** The marks with the record's name in place of each of the {@link longTexts}. */
export function withoutLongTexts(marks: Marks, value: string | undefined, record: string): Marks {
  return mapMarks(marks, (mark) => (isLong(mark) && mark[2] !== value ? [mark[0], mark[1], null, record] : mark));
}

/** The names of the records that hold texts of these marks. */
export function recordsOf(marks: Marks): Set<string> {
  const names = new Set<string>();
  for (const name in marks) for (const [, , , record] of marks[name]!.m) if (record !== undefined) names.add(record);
  return names;
}

/** Avoids a copy of the marks: most keys have no such mark. */
function some(marks: Marks, is: (mark: Mark) => boolean): boolean {
  for (const name in marks) if (marks[name]!.m.some(is)) return true;
  return false;
}

function mapMarks(marks: Marks, change: (mark: Mark) => Mark): Marks {
  return Object.fromEntries(Object.entries(marks).map(([name, { g, r, m }]) => [name, { g, r, m: m.map(change) }]));
}

function isLong([, , text]: Mark): boolean {
  return (text?.length ?? 0) > SHORT_TEXT;
}
