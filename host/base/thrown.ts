import { inspect, types } from 'node:util';
import { cut } from './utf8';

const MAX_SHOWN = 200;
const MAX_MESSAGE = 4_096;
/** The greatest weight of a value that is formatted; see {@link weightOf}. A larger one would take too long. */
const MAX_WEIGHT = 50_000;
/** The number of list items that `inspect` shows. */
const MAX_ITEMS = 100;
/** `inspect` shows this many levels below the object. */
const MAX_DEPTH = 1;

/** A member of an author's value; undefined if reading it throws. Never throws. */
export function readMember(value: unknown, name: PropertyKey): unknown {
  try {
    return (value as Record<PropertyKey, unknown> | null | undefined)?.[name];
  } catch {
    return undefined; // a getter that throws, or a revoked Proxy
  }
}

/** Like `instanceof`, for any value. Never throws. */
export function isInstance<T>(value: unknown, cls: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof cls;
  } catch {
    return false; // a Proxy that was revoked, or whose prototype cannot be read
  }
}

/** Whether a thrown value has the members of an error. The error may come from another realm. Never throws. */
export function isError(thrown: unknown): thrown is Error {
  return ['name', 'message', 'stack'].every((part) => typeof readMember(thrown, part) === 'string');
}

/** The message of an error, or a short text of any other thrown value. Never throws. */
export function showThrown(thrown: unknown): string {
  if (isError(thrown)) {
    const message = readMember(thrown, 'message');
    if (typeof message === 'string') return cut(message, MAX_MESSAGE);
  }
  try {
    if (weightOf(thrown) > MAX_WEIGHT) return 'an object that is too large to be shown';
    const options = { depth: 1, breakLength: Infinity, customInspect: false, maxStringLength: MAX_SHOWN };
    return inspect(thrown, options).slice(0, MAX_SHOWN);
  } catch {
    return `${typeof thrown} that cannot be shown`; // formatting it throws
  }
}

/** The number of fields and characters that `inspect` would format, including the whole stack of each error. */
function weightOf(value: unknown, depth = 0): number {
  if (typeof value === 'string') return Math.min(value.length, MAX_SHOWN);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 1;
  if (Array.isArray(value)) return depth > MAX_DEPTH ? 1 : weightOfItems(value, depth);
  let weight = 1;
  if (types.isNativeError(value)) {
    const stack = readMember(value, 'stack');
    if (typeof stack === 'string') weight += stack.length;
    // `inspect` shows these members, though they are not enumerable.
    if (depth <= MAX_DEPTH) {
      weight += weightOf(readMember(value, 'cause'), depth + 1) + weightOf(readMember(value, 'errors'), depth + 1);
    }
  }
  if (depth > MAX_DEPTH) return weight;
  for (const name in value) {
    weight += name.length + weightOf(readMember(value, name), depth + 1);
    if (weight > MAX_WEIGHT) return weight;
  }
  return weight;
}

/** The weight of the items that `inspect` shows. */
function weightOfItems(list: readonly unknown[], depth: number): number {
  let weight = 1;
  for (let i = 0; i < Math.min(list.length, MAX_ITEMS); i++) weight += weightOf(readMember(list, i), depth + 1);
  return weight;
}
