import { isErrorLike, itemsOf, keysOf, plainError } from './plain-error';
import { cut } from './utf8';
import { isInstance, readMember, showThrown } from './thrown';

/*
 * The fields that authors log may be circular, huge, or throw when they are read. A log line gets a copy of plain,
 * bounded values.
 */

const MAX_TEXT = 8_192;
const MAX_NAME = 256;
const MAX_DEPTH = 6;
/** How many fields of an object, or items of an array, are written. */
const MAX_MEMBERS = 100;
/** How many values are written for one given value, counting all levels. */
const MAX_VALUES = 1_000;

/** The budget of text for one given value, in characters. */
const MAX_ALL_TEXT = 65_536;
/** The limit of each text in characters, once the budget of text is used up. */
const MIN_TEXT = 50;

interface Budget {
  left: number;
  text: number;
  /** The objects that contain the value being copied. A value that is one of them is circular. */
  readonly within: Set<unknown>;
}

/** Returns the fields of a log line: the host's own, unchanged, and plain copies of the author's. Never throws. */
export function plainFields(known: object, given: unknown): Record<string, unknown> {
  // This is a spread, because an assignment to a field named `__proto__` would set the prototype.
  return { ...known, ...fieldsOf(given) };
}

/** A text of bounded length from a value that should be text. Never throws. */
export function plainText(given: unknown): string {
  return typeof given === 'string' ? cut(given, MAX_TEXT) : showThrown(given);
}

/** A copy of a value that JSON can hold. Never throws. */
export function plainValue(value: unknown): unknown {
  return copy(value, 0, { left: MAX_VALUES, text: MAX_ALL_TEXT, within: new Set() });
}

/** An error as an object for a log line, with its causes and fields. */
export function errorRecord(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const errors = itemsOf(readMember(error, 'errors'), MAX_MEMBERS);
  return {
    type: name,
    message,
    stack,
    ...Object.fromEntries(keysOf(error, MAX_MEMBERS).map((key) => [key, readMember(error, key)])),
    ...(isErrorLike(cause) && { cause: errorRecord(cause as Error) }),
    ...(errors && { aggregateErrors: errors.filter(isErrorLike).map((one) => errorRecord(one as Error)) }),
  };
}

function fieldsOf(given: unknown): Record<string, unknown> | undefined {
  if (given === undefined || given === null) return undefined;
  // Many loggers accept `log.error('it broke', error)`.
  if (isErrorLike(given)) return { err: plainError(given) };
  if (typeof given !== 'object') return { value: plainValue(given) };
  const budget: Budget = { left: MAX_VALUES, text: MAX_ALL_TEXT, within: new Set([given]) };
  const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const name of keysOf(given, MAX_MEMBERS)) {
    const value = readMember(given, name);
    if (value === undefined) continue;
    fields[cut(name, MAX_NAME)] = isErrorLike(value) ? plainError(value) : copy(value, 1, budget);
  }
  return fields;
}

function copy(value: unknown, depth: number, budget: Budget): unknown {
  budget.left--;
  if (typeof value === 'string') return text(value, budget);
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || depth > MAX_DEPTH || budget.left <= 0) return text(showThrown(value), budget);
  if (isErrorLike(value)) return copyError(value, budget);
  if (budget.within.has(value)) return '[Circular]';
  budget.within.add(value);
  try {
    return copyObject(value, depth, budget);
  } catch {
    return showThrown(value); // its toJSON throws
  } finally {
    budget.within.delete(value);
  }
}

function copyError(value: unknown, budget: Budget): unknown {
  if (budget.text <= 0) return text(showThrown(value), budget);
  const record = errorRecord(plainError(value));
  budget.text -= JSON.stringify(record).length;
  return record;
}

function text(value: string, budget: Budget): string {
  const kept = cut(value, budget.text > 0 ? MAX_TEXT : MIN_TEXT);
  budget.text -= kept.length;
  return kept;
}

function copyObject(value: object, depth: number, budget: Budget): unknown {
  if (ArrayBuffer.isView(value) && !Buffer.isBuffer(value)) return `${value.byteLength} bytes`;
  if (Buffer.isBuffer(value)) return `${value.length} bytes`;
  if (isInstance(value, Map) || isInstance(value, Set)) return showThrown(value);
  const toJson = readMember(value, 'toJSON');
  if (typeof toJson === 'function') {
    const json: unknown = Reflect.apply(toJson, value, []);
    if (json !== value) return copy(json, depth + 1, budget);
  }
  const items = itemsOf(value, MAX_MEMBERS);
  return items ? copyItems(value, items, depth, budget) : copyFields(value, depth, budget);
}

function copyItems(value: object, items: readonly unknown[], depth: number, budget: Budget): unknown[] {
  const copies = items.map((item) => copy(item, depth + 1, budget));
  const more = Number(readMember(value, 'length')) - items.length;
  return more > 0 ? [...copies, `… and ${more} more`] : copies;
}

function copyFields(value: object, depth: number, budget: Budget): unknown {
  const copies: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const name of keysOf(value, MAX_MEMBERS)) {
    if (budget.left <= 0) return { ...copies, '…': 'more' };
    const member = readMember(value, name);
    if (member !== undefined) copies[cut(name, MAX_NAME)] = copy(member, depth + 1, budget);
  }
  return copies;
}
