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
  /** Sequence, ordinal of the update within the handler's run, and the text it left; null for none. */
  readonly m: readonly (readonly [sequence: number, ordinal: number, text: string | null])[];
}

export function encodeMarks(marks: Marks): string {
  return asciiJson(marks);
}

export function decodeMarks(header: string | undefined): Marks {
  return header === undefined || header === '' ? {} : (JSON.parse(header) as Marks);
}
