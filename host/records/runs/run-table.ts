import { assertReadable } from '../record-format';
import { bytesContain } from '../../base/bytes-contain';
import type { RunRecord } from './run-record';

/** Run records that a host has stored together. */
export interface RunBatch {
  readonly host: string;
  readonly runs: readonly RunRecord[];
}

/** The version of the format. Records of an earlier version are left out. */
const FORMAT = 2;

/** The members whose values many records share. A row has the index of each value in the head's list of texts. */
const SHARED = ['plugin', 'handler', 'version', 'stream', 'subject', 'outcome', 'verdict'] as const;

/** The members that only some records have. */
type RareMembers = Pick<
  RunRecord,
  'cause' | 'delayMs' | 'reason' | 'error' | 'emits' | 'writes' | 'lines' | 'linesLeft' | 'isPartial'
>;

/** The head of a message: one line of JSON. The rows follow it. */
interface Head {
  readonly format: number;
  readonly host: string;
  readonly count: number;
  readonly texts: readonly string[];
  /** The rare members, by the index of the record. */
  readonly rare: Readonly<Record<string, RareMembers>>;
}

/*
 * A row has numbers at these places, all little-endian, and then the id and the root as UTF-8. An empty root stands for
 * the record's own id.
 */
const AT = { shared: 0, attempt: 14, sequence: 18, storedAt: 26, startedAt: 34, ran: 42, took: 46, id: 50, root: 52 };
const ROW_BYTES = 54;
/** The largest number of bytes that a character takes in UTF-8. */
const MAX_CHARACTER_BYTES = 3;
const FIRST_BYTES = 8_192;
/** Lengths of time are stored in hundredths of a millisecond. */
const PER_MS = 100;
const MAX_UINT_32 = 0xffff_ffff;
const NEW_LINE = 10;

/**
 * The records of one message. Most records differ in an id and a few numbers, so they are rows of a table. Objects or
 * JSON would take several times as long to encode, and their strings, which live until the message is sent, would make
 * garbage collection slower.
 */
export class RunTable {
  /** The number of records. */
  count = 0;
  private rows = Buffer.allocUnsafe(FIRST_BYTES);
  private end = 0;
  private headBytes = 0;
  private readonly texts = new Map<string, number>();
  /** Encoded at once, because they may be large. */
  private readonly rare: string[] = [];

  /** About the size of the message. */
  get bytes(): number {
    return this.end + this.headBytes;
  }

  add(record: RunRecord): void {
    const { id } = record;
    const root = record.root === id ? '' : record.root;
    this.reserve(ROW_BYTES + MAX_CHARACTER_BYTES * (id.length + root.length));
    const { rows, end } = this;
    for (let i = 0; i < SHARED.length; i++)
      rows.writeUInt16LE(this.indexOf(record[SHARED[i]!]), end + AT.shared + 2 * i);
    rows.writeUInt32LE(record.attempt, end + AT.attempt);
    rows.writeDoubleLE(record.sequence, end + AT.sequence);
    rows.writeDoubleLE(record.storedAtMs, end + AT.storedAt);
    rows.writeDoubleLE(record.startedAtMs, end + AT.startedAt);
    rows.writeUInt32LE(storedTime(record.ranMs), end + AT.ran);
    rows.writeUInt32LE(storedTime(record.tookMs), end + AT.took);
    const idBytes = rows.write(id, end + ROW_BYTES);
    const rootBytes = rows.write(root, end + ROW_BYTES + idBytes);
    rows.writeUInt16LE(idBytes, end + AT.id);
    rows.writeUInt16LE(rootBytes, end + AT.root);
    this.end += ROW_BYTES + idBytes + rootBytes;
    if (!isPlain(record)) this.addRare(record);
    this.count++;
  }

  /** Returns the message. */
  encode(host: string): Uint8Array {
    const head = { format: FORMAT, host, count: this.count, texts: [...this.texts.keys()] };
    const line = `${JSON.stringify(head).slice(0, -1)},"rare":{${this.rare.join(',')}}}\n`;
    return Buffer.concat([Buffer.from(line), this.rows.subarray(0, this.end)]);
  }

  private addRare(record: RunRecord): void {
    const text = JSON.stringify(rareOf(record));
    this.rare.push(`"${this.count}":${text}`);
    this.headBytes += Buffer.byteLength(text);
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.rows.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.rows.length, this.end + bytes));
    this.rows.copy(larger, 0, 0, this.end);
    this.rows = larger;
  }

  private indexOf(text: string): number {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    const index = this.texts.size;
    this.texts.set(text, index);
    this.headBytes += Buffer.byteLength(JSON.stringify(text));
    return index;
  }
}

function storedTime(ms: number): number {
  return Math.min(MAX_UINT_32, Math.max(0, Math.round(ms * PER_MS)));
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

/**
 * Reads the records of a message; undefined for a message that has none, or has an earlier format.
 * @throws JetplugError `JP_RECORD_NEWER`
 */
export function decodeRuns(message: Uint8Array): RunBatch | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  const headEnd = bytes.indexOf(NEW_LINE);
  let head: Head | null;
  try {
    head = JSON.parse(bytes.toString('utf8', 0, Math.max(0, headEnd))) as Head | null;
  } catch {
    // Another program may have published the message.
    return undefined;
  }
  assertReadable('a record of runs', head?.format, FORMAT);
  if (head?.format !== FORMAT) return undefined;
  try {
    return { host: head.host, runs: [...rowsOf(bytes.subarray(headEnd + 1), head)] };
  } catch {
    return undefined; // The message is cut off.
  }
}

function* rowsOf(rows: Buffer, { count, texts, rare }: Head): Generator<RunRecord> {
  for (let index = 0, at = 0; index < count; index++) {
    const [idAt, idBytes] = [at + ROW_BYTES, rows.readUInt16LE(at + AT.id)];
    const [rootAt, rootBytes] = [idAt + idBytes, rows.readUInt16LE(at + AT.root)];
    const id = rows.toString('utf8', idAt, rootAt);
    const shared = SHARED.map((name, i) => [name, texts[rows.readUInt16LE(at + AT.shared + 2 * i)]]);
    yield {
      ...(Object.fromEntries(shared) as Pick<RunRecord, (typeof SHARED)[number]>),
      id,
      root: rows.toString('utf8', rootAt, rootAt + rootBytes) || id,
      attempt: rows.readUInt32LE(at + AT.attempt),
      sequence: rows.readDoubleLE(at + AT.sequence),
      storedAtMs: rows.readDoubleLE(at + AT.storedAt),
      startedAtMs: rows.readDoubleLE(at + AT.startedAt),
      ranMs: rows.readUInt32LE(at + AT.ran) / PER_MS,
      tookMs: rows.readUInt32LE(at + AT.took) / PER_MS,
      ...rare[index],
    };
    at = rootAt + rootBytes;
  }
}

/**
 * Returns a test whether a message may have a record of an event with one of these ids, or at a place
 * `STREAM:SEQUENCE`. It only searches the bytes, because to decode a message takes most of the time.
 */
export function mayHave(ids: readonly string[]): (message: Uint8Array) => boolean {
  const marks = ids.flatMap((id) => {
    const [, sequence] = /:(\d+)$/.exec(id) ?? [];
    // A published event's id is in the head, where quotes and line breaks are escaped.
    const asJson = JSON.stringify(id).slice(1, -1);
    return [id, asJson, ...(sequence === undefined ? [] : [double(Number(sequence))])];
  });
  return bytesContain(marks);
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(Float64Array.BYTES_PER_ELEMENT);
  bytes.writeDoubleLE(value);
  return bytes;
}
