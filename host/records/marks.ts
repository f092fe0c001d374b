import { asciiJson } from './ascii-json';

/**
 * The marks of one key, by durable. A mark stands for an update of the key that was applied, and holds its result.
 * Marks are stored in a header of the value's message, so that value and marks change together.
 */
export type Marks = Readonly<Record<string, HandlerMarks>>;

export interface HandlerMarks {
  /** The time at which the stream of these sequences was created. It identifies the stream. */
  readonly g: string;
  /** The revision of the handler's settlements in the host's bucket when marks were last dropped. */
  readonly r: number;
  readonly m: readonly Mark[];
}

/**
 * The event's sequence, the index of the update among the run's updates of this key, and the resulting text, or null
 * for no value. If the text is too long for the header, `text` is null, and `record` is the name under which the text
 * is stored.
 */
export type Mark = readonly [sequence: number, ordinal: number, text: string | null, record?: string];

/** The long texts that are stored under one name, each with its handler, event and update. */
export type SetAside = readonly (readonly [durable: string, sequence: number, ordinal: number, text: string])[];

/** The maximum length of the marks, below the server's limit of 64 KiB for the headers of a message. */
const MAX_BYTES = 49_152;
/** The maximum length of a text that always stays in the header, because a name in its place would be as long. */
const SHORT_TEXT = 16;

/**
 * Stands for a long text that equals the value, such as the last update's, so that a large value is not stored twice.
 */
const THE_VALUE = 1;

/** Returns the marks as the header of this value. */
export function encodeMarks(marks: Marks, value: string | undefined): string {
  if (!some(marks, isLong)) return asciiJson(marks);
  return asciiJson(
    mapMarks(marks, (mark) => (isLong(mark) && mark[2] === value ? [mark[0], mark[1], THE_VALUE as never] : mark)),
  );
}

/** Returns the marks as the header of this value; undefined if they are too long for a header. */
export function encodeIfShort(marks: Marks, value: string | undefined): string | undefined {
  // Encoding large texts is slow, so it is skipped if their length alone exceeds the limit.
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

/** Returns the long texts in the marks, without those that equal the value. */
export function longTexts(marks: Marks, value: string | undefined): SetAside {
  return Object.entries(marks).flatMap(([durable, { m }]) =>
    m
      .filter((mark) => isLong(mark) && mark[2] !== value)
      .map(([sequence, ordinal, text]) => [durable, sequence, ordinal, text!] as const),
  );
}

/** Returns the marks with the name `record` in place of each of the {@link longTexts}. */
export function withoutLongTexts(marks: Marks, value: string | undefined, record: string): Marks {
  return mapMarks(marks, (mark) => (isLong(mark) && mark[2] !== value ? [mark[0], mark[1], null, record] : mark));
}

/** Returns the names under which long texts of these marks are stored. */
export function recordsOf(marks: Marks): Set<string> {
  const names = new Set<string>();
  for (const name in marks) for (const [, , , record] of marks[name]!.m) if (record !== undefined) names.add(record);
  return names;
}

/** Returns whether a mark fits the condition. Makes no copy of the marks, because most keys have no such mark. */
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
