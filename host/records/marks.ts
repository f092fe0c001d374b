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
 * Sequence, ordinal of the update within the handler's run, and the text it left, null for none; where
 * that text is too long to be kept here, the name of the record that holds it comes last.
 */
export type Mark = readonly [sequence: number, ordinal: number, text: string | null, record?: string];

/** Texts that are kept in one record: of which handler, event and update each is. */
export type SetAside = readonly (readonly [durable: string, sequence: number, ordinal: number, text: string])[];

/** A message's headers end at 64 KiB. */
const MAX_BYTES = 49_152;
/** A text that takes no more room than a record's name stays. */
const SHORT_TEXT = 16;

/** Stands for a long text that is the value itself, as the last update's is: a large value is not kept twice. */
const THE_VALUE = 1;

/** As a header takes it, beside this value. */
export function encodeMarks(marks: Marks, value: string | undefined): string {
  if (!some(marks, isLong)) return asciiJson(marks);
  return asciiJson(
    mapMarks(marks, (mark) => (isLong(mark) && mark[2] === value ? [mark[0], mark[1], THE_VALUE as never] : mark)),
  );
}

/** The same, or nothing where that is too long for a header. */
export function encodeIfShort(marks: Marks, value: string | undefined): string | undefined {
  // Large texts are many escapes: they are not encoded to see what is plain already.
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

/** The texts that make the marks beside this value long. */
export function longTexts(marks: Marks, value: string | undefined): SetAside {
  return Object.entries(marks).flatMap(([durable, { m }]) =>
    m
      .filter((mark) => isLong(mark) && mark[2] !== value)
      .map(([sequence, ordinal, text]) => [durable, sequence, ordinal, text!] as const),
  );
}

/** The marks with those texts in the record. */
export function withoutLongTexts(marks: Marks, value: string | undefined, record: string): Marks {
  return mapMarks(marks, (mark) => (isLong(mark) && mark[2] !== value ? [mark[0], mark[1], null, record] : mark));
}

/** The records that hold texts of these marks. */
export function recordsOf(marks: Marks): Set<string> {
  const names = new Set<string>();
  for (const name in marks) for (const [, , , record] of marks[name]!.m) if (record !== undefined) names.add(record);
  return names;
}

/** Most keys have none that is long: then nothing is to be made anew. */
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
