import { explainInexact, findInexactNumber } from '../base/exact-numbers';
import { describeValue } from '../base/describe-value';
import { invalid, type Invalid } from './outcome';

export interface Parsed {
  readonly value: Record<string, unknown>;
}

/** Parses a JSON object. Inexact numbers, deep nesting and keys that reach a prototype make it invalid. */
export function parseObject(text: string, maxDepth: number, what = 'the payload'): Parsed | Invalid {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return invalid('invalid-json', `${what} is not JSON: ${(error as Error).message}`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid('invalid-envelope', `${what} is ${describeValue(value)}, not an object`);
  }
  const found = inspect(value, maxDepth, what);
  if (typeof found === 'object') return found;
  const inexact = found ? findInexactNumber(text) : undefined;
  if (inexact) return invalid('inexact-number', explainInexact(inexact));
  return { value: value as Record<string, unknown> };
}

/**
 * Walks the whole value once, without recursion, for its depth and for keys that reach prototypes.
 * @returns the fault, if any; otherwise whether the value contains a number
 */
function inspect(root: object, maxDepth: number, what: string): Invalid | boolean {
  const nodes: object[] = [root];
  const depths: number[] = [1];
  let hasNumber = false;
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    const depth = depths.pop()!;
    if (depth > maxDepth) return invalid('too-deep', `${what} is nested more than ${maxDepth} levels deep`);
    for (const key in node) {
      const child = (node as Record<string, unknown>)[key];
      if (key === '__proto__' || (key === 'constructor' && isObject(child) && Object.hasOwn(child, 'prototype'))) {
        return invalid('invalid-envelope', `${what} has the key "${key}", which reaches for a prototype`);
      }
      if (isObject(child)) {
        nodes.push(child);
        depths.push(depth + 1);
      } else if (typeof child === 'number') hasNumber = true;
    }
  }
  return hasNumber;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
