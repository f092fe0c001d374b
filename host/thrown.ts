import { inspect } from 'node:util';
import { cut } from './text';

const MAX_SHOWN = 200;
const MAX_MESSAGE = 4_096;
/** An object of more fields would take long to be shown. */
const MAX_FIELDS = 1_000;

/** A member of an author's value; nothing where reading it throws. Never throws. */
export function readMember(value: unknown, name: PropertyKey): unknown {
  try {
    return (value as Record<PropertyKey, unknown> | null | undefined)?.[name];
  } catch {
    return undefined; // a getter that throws, or a revoked Proxy
  }
}

/** Whether a value is of a class of the host's. Never throws. */
export function isInstance<T>(value: unknown, cls: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof cls;
  } catch {
    return false; // a Proxy that was revoked, or whose prototype cannot be read
  }
}

/** Whether a thrown value has what an error has, whichever realm it is of. Never throws. */
export function isError(thrown: unknown): thrown is Error {
  return ['name', 'message', 'stack'].every((part) => typeof readMember(thrown, part) === 'string');
}

/** A thrown value in words, for authors throw what they like: strings, undefined, objects without a prototype. Never throws. */
export function showThrown(thrown: unknown): string {
  if (isError(thrown)) {
    const message = readMember(thrown, 'message');
    if (typeof message === 'string') return cut(message, MAX_MESSAGE);
  }
  try {
    if (hasManyFields(thrown)) return `an object of more than ${MAX_FIELDS} fields`;
    const options = { depth: 1, breakLength: Infinity, customInspect: false, maxStringLength: MAX_SHOWN };
    return inspect(thrown, options).slice(0, MAX_SHOWN);
  } catch {
    return `${typeof thrown} that cannot be shown`; // it throws when it is looked at
  }
}

function hasManyFields(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  let count = 0;
  for (const _ in value) if (++count > MAX_FIELDS) return true;
  return false;
}
