import type { RunRecord } from './run-record';

/** Run records that a host has stored together. */
export interface RunBatch {
  readonly host: string;
  readonly runs: readonly RunRecord[];
}

/** The version of the format. Records of another version are left out. */
const FORMAT = 2;

/** The members whose values many records share. A column has the index of each value in the table's list of texts. */
const SHARED = ['plugin', 'handler', 'version', 'stream', 'subject', 'outcome', 'verdict'] as const;

/** The members that only some records have. */
type RareMembers = Pick<
  RunRecord,
  'cause' | 'delayMs' | 'reason' | 'error' | 'emits' | 'writes' | 'lines' | 'linesLeft' | 'isPartial'
>;

/** A message with records: a column for each member, with a value for each record. */
interface Message {
  readonly format: number;
  readonly host: string;
  readonly texts: readonly string[];
  readonly shared: readonly (readonly number[])[];
  readonly ids: readonly string[];
  /** 0: the record's own id. */
  readonly roots: readonly (string | 0)[];
  readonly sequences: readonly number[];
  readonly attempts: readonly number[];
  readonly storedAtMs: readonly number[];
  /** Hundredths of a millisecond: from the storing to the start, the run, and until the event was settled. */
  readonly waited: readonly number[];
  readonly ran: readonly number[];
  readonly took: readonly number[];
  /** By the record's index. */
  readonly rare: Readonly<Record<string, RareMembers>>;
}

/** About the size of the numbers of a record in a message. */
const NUMBER_BYTES = 56;

/**
 * The records of one message, in columns, because most records differ in an id and a few numbers. To encode columns takes
 * a small part of the time, and of the bytes, that objects take.
 */
export class RunTable {
  /** About the size of the message. */
  bytes = 0;
  private readonly texts = new Map<string, number>();
  private readonly shared: number[][] = SHARED.map(() => []);
  private readonly ids: string[] = [];
  private readonly roots: (string | 0)[] = [];
  private readonly sequences: number[] = [];
  private readonly attempts: number[] = [];
  private readonly storedAtMs: number[] = [];
  private readonly waited: number[] = [];
  private readonly ran: number[] = [];
  private readonly took: number[] = [];
  /** Encoded at once, because they may be large. */
  private readonly rare: string[] = [];

  /** The number of records. */
  get count(): number {
    return this.ids.length;
  }

  /** Adds a record. Returns about how many bytes it takes. */
  add(record: RunRecord): number {
    const { id, root, storedAtMs, startedAtMs } = record;
    const before = this.bytes;
    const index = this.ids.push(id) - 1;
    this.bytes += NUMBER_BYTES + bytesOf(id);
    this.roots.push(root === id ? 0 : root);
    if (root !== id) this.bytes += bytesOf(root);
    for (let i = 0; i < SHARED.length; i++) this.shared[i]!.push(this.indexOf(record[SHARED[i]!]));
    this.sequences.push(record.sequence);
    this.attempts.push(record.attempt);
    this.storedAtMs.push(storedAtMs);
    this.waited.push(hundredths(startedAtMs - storedAtMs));
    this.ran.push(hundredths(record.ranMs));
    this.took.push(hundredths(record.tookMs));
    if (!isPlain(record)) {
      const text = JSON.stringify(rareOf(record));
      this.bytes += Buffer.byteLength(text);
      this.rare.push(`"${index}":${text}`);
    }
    return this.bytes - before;
  }

  /** Returns the text of the message. */
  encode(host: string): string {
    const { shared, ids, roots, sequences, attempts, storedAtMs, waited, ran, took } = this;
    const texts = [...this.texts.keys()];
    const columns = {
      format: FORMAT,
      host,
      texts,
      shared,
      ids,
      roots,
      sequences,
      attempts,
      storedAtMs,
      waited,
      ran,
      took,
    };
    return `${JSON.stringify(columns).slice(0, -1)},"rare":{${this.rare.join(',')}}}`;
  }

  private indexOf(text: string): number {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    const index = this.texts.size;
    this.texts.set(text, index);
    this.bytes += bytesOf(text);
    return index;
  }
}

const PLAIN = /^[ -~]*$/;

/** Returns about how many bytes a text takes in the message. A publisher may have chosen it. */
function bytesOf(text: string): number {
  return PLAIN.test(text) ? text.length : Buffer.byteLength(JSON.stringify(text));
}

function hundredths(ms: number): number {
  return Math.round(ms * 100);
}

// Written out, because a loop over the names takes several times as long.
function isPlain({ cause, delayMs, reason, error, emits, writes, lines, linesLeft, isPartial }: RunRecord): boolean {
  const [text, number] = [cause ?? reason, delayMs ?? linesLeft];
  const list = emits ?? writes ?? lines;
  return text === undefined && number === undefined && list === undefined && error === undefined && !isPartial;
}

function rareOf({ cause, delayMs, reason, error, emits, writes, lines, linesLeft, isPartial }: RunRecord): RareMembers {
  return { cause, delayMs, reason, error, emits, writes, lines, linesLeft, isPartial };
}

/** Reads the records of a message; undefined for a text that is none, or has another format. */
export function decodeRuns(text: string): RunBatch | undefined {
  let message: Message | null;
  try {
    message = JSON.parse(text) as Message | null;
  } catch {
    return undefined;
  }
  if (message?.format !== FORMAT) return undefined;
  return { host: message.host, runs: message.ids.map((_, index) => recordAt(index, message)) };
}

function recordAt(index: number, message: Message): RunRecord {
  const { texts, shared, ids, roots, sequences, attempts, storedAtMs, waited, ran, took, rare } = message;
  const names = Object.fromEntries(SHARED.map((name, i) => [name, texts[shared[i]![index]!]]));
  const [id, stored] = [ids[index]!, storedAtMs[index]!];
  return {
    ...(names as Pick<RunRecord, (typeof SHARED)[number]>),
    ...{ sequence: sequences[index]!, storedAtMs: stored, id, root: roots[index] || id, attempt: attempts[index]! },
    ...{ startedAtMs: stored + waited[index]! / 100, ranMs: ran[index]! / 100, tookMs: took[index]! / 100 },
    ...rare[index],
  };
}

/**
 * Returns a test whether a message may have a record of an event with one of these ids, or at a place
 * `STREAM:SEQUENCE`. It only searches the text, because to parse a text takes most of the time.
 */
export function mayHave(ids: readonly string[]): (text: string) => boolean {
  const marks = ids.flatMap((id) => {
    const [, sequence] = /:(\d+)$/.exec(id) ?? [];
    const place = sequence === undefined ? [] : [`,${sequence},`, `[${sequence},`, `,${sequence}]`, `[${sequence}]`];
    return [JSON.stringify(id), ...place];
  });
  return (text) => marks.some((mark) => text.includes(mark));
}
