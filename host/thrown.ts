import { inspect } from 'node:util';

/** Whether a thrown value has what an error has, whichever realm it is of. Never throws. */
export function isError(thrown: unknown): thrown is Error {
  try {
    const { name, message, stack } = (thrown ?? {}) as Partial<Error>;
    return [name, message, stack].every((part) => typeof part === 'string');
  } catch {
    return false; // a getter or proxy that throws: not an error to be read
  }
}

/** A thrown value in words, for authors throw what they like: strings, undefined, objects without a prototype. Never throws. */
export function showThrown(thrown: unknown): string {
  if (isError(thrown)) return thrown.message;
  try {
    return inspect(thrown, { depth: 1, breakLength: Infinity, customInspect: false }).slice(0, 200);
  } catch {
    return `${typeof thrown} that cannot be shown`; // it throws when it is looked at
  }
}
