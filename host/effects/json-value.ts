import { types } from 'node:util';
import { isEventContract } from '../../sdk/internal';
import { showThrown } from '../base/thrown';

/** A part of a value that JSON cannot hold: `JSON.stringify` would omit it, or replace it by null or `{}`. */
export interface NotJson {
  /** Keys and indexes, joined by dots; empty if JSON cannot hold the value itself. */
  readonly path: string;
  readonly what: string;
}

export const NOT_JSON_HINT =
  'Give plain values: strings, finite numbers, true, false, null, lists and plain objects of these.';

interface Fault {
  readonly what: string;
  /** The keys and indexes that lead to the part, the innermost first. */
  readonly keys: (string | number)[];
}

/** The depth from which on circular references are checked. */
const DEEP = 64;
const MAX_PATH = 100;

/**
 * Finds a part that `JSON.stringify` would change silently: a number that is not finite, a list with `undefined` in it,
 * a function, a symbol, or an object that is more than its fields, such as a `Map` or an `Error`. For an object with a
 * `toJSON`, such as a `Date`, the result of `toJSON` is checked. A field that is `undefined` counts as omitted.
 *
 * The search walks every value of a store and every published event, so it allocates nothing unless it finds something.
 */
export function findNotJson(value: unknown): NotJson | undefined {
  let found: Fault | undefined;
  try {
    found = faultOf(value, 0, undefined);
  } catch (error) {
    found = fault(`not to be read: ${showThrown(error)}`);
  }
  if (!found) return undefined;
  const path = found.keys.reverse().join('.');
  return { path: path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path, what: found.what };
}

/**
 * Whether a value equals the result of parsing its JSON text. {@link findNotJson} must have found nothing in the value.
 * A value with a `toJSON`, an object of a class and a field that is `undefined` do not equal it.
 */
export function equalsItsJson(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value !== undefined && !Object.is(value, -0);
  if (Array.isArray(value)) return value.every(equalsItsJson);
  if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value) return false;
  for (const key in value) if (!equalsItsJson((value as Record<string, unknown>)[key])) return false;
  return true;
}

function faultOf(value: unknown, depth: number, above: object[] | undefined): Fault | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : fault(String(value));
    case 'object':
      return value === null ? undefined : objectFault(value, depth, above);
    case 'bigint':
      return fault('a bigint');
    default:
      return fault(`a ${typeof value}`);
  }
}

function objectFault(value: object, depth: number, above: object[] | undefined): Fault | undefined {
  if (Array.isArray(value)) return membersFault(value, depth, above);
  const prototype = Object.getPrototypeOf(value) as object | null;
  const isPlain = prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
  if (isPlain && typeof (value as { toJSON?: unknown }).toJSON !== 'function') return membersFault(value, depth, above);
  return instanceFault(value, depth, above);
}

function membersFault(value: object, depth: number, above: object[] | undefined): Fault | undefined {
  if (depth < DEEP) return Array.isArray(value) ? itemsFault(value, depth, above) : fieldsFault(value, depth, above);
  if (above?.includes(value)) return fault('an object that contains itself');
  const own = above ?? [];
  own.push(value);
  const found = Array.isArray(value) ? itemsFault(value, depth, own) : fieldsFault(value, depth, own);
  own.pop();
  return found;
}

function itemsFault(list: readonly unknown[], depth: number, above: object[] | undefined): Fault | undefined {
  for (let i = 0; i < list.length; i++) {
    try {
      const item = list[i];
      const found = item === undefined ? fault('undefined in a list') : faultOf(item, depth + 1, above);
      if (found) return at(i, found);
    } catch (error) {
      return at(i, fault(`not to be read: ${showThrown(error)}`));
    }
  }
  return undefined;
}

function fieldsFault(object: object, depth: number, above: object[] | undefined): Fault | undefined {
  for (const key in object) {
    try {
      const found = faultOf((object as Record<string, unknown>)[key], depth + 1, above);
      // JSON omits inherited fields.
      if (found && Object.hasOwn(object, key)) return at(key, found);
    } catch (error) {
      return at(key, fault(`not to be read: ${showThrown(error)}`));
    }
  }
  return undefined;
}

/** Checks an object of a class, or one with a `toJSON` of its own. */
function instanceFault(value: object, depth: number, above: object[] | undefined): Fault | undefined {
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? fault('an invalid Date') : undefined;
  // A Buffer has a toJSON, but nothing turns the result into a Buffer again.
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return fault(`${named(value)}, which is bytes`);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    const json: unknown = toJSON.call(value, '');
    return isOfClass(json) ? membersFault(json, depth, above) : faultOf(json, depth, above);
  }
  // A handler may publish an event that it received.
  if (isEventContract(value.constructor)) return membersFault(value, depth, above);
  return fault(`${named(value)}, which is no plain object and has no toJSON`);
}

/**
 * Whether the result of a `toJSON` is checked by its fields. Such a result may have a class, unless its content is not
 * in its fields.
 */
function isOfClass(json: unknown): json is object {
  if (typeof json !== 'object' || json === null) return false;
  return !(types.isMap(json) || types.isSet(json) || types.isRegExp(json) || types.isNativeError(json));
}

function named(value: object): string {
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  if (typeof name !== 'string' || name === '') return 'an object';
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name.slice(0, 60)}`;
}

function fault(what: string): Fault {
  return { what, keys: [] };
}

function at(key: string | number, found: Fault): Fault {
  found.keys.push(key);
  return found;
}
