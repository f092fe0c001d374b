import { types } from 'node:util';
import { isErrorCode, JetplugError } from '../../sdk/internal';
import { cut } from './utf8';
import { isError, isInstance, readMember, showThrown } from './thrown';

/*
 * An author may throw anything: an error with getters that throw, a revoked Proxy, an error whose cause is itself or
 * whose message has 10 MB. This file reads such a value once, and the rest of the host handles only the copy.
 */

const MAX_NAME = 256;
/** The limit of a message in characters. A dead letter holds 2,048 bytes of the message. */
const MAX_MESSAGE = 4_096;
/** The limit of a stack in characters. A dead letter holds 8,192 bytes of the stack. */
const MAX_STACK = 16_384;
/** The limit of each message in characters, once the budget of text is used up. */
const MIN_MESSAGE = 200;
const MAX_DETAIL = 1_024;
const MAX_DETAILS = 20;
/** How deep a chain of causes is read, and how many errors of an AggregateError. */
const MAX_DEPTH = 5;
const MAX_ERRORS = 10;
/** How many failures one start, or one check, reports. */
const MAX_FAILURES = 1_000;
/** How many errors are read in all for one thrown value. */
const MAX_READ = 50;
const UNREADABLE = '(a message that cannot be read)';

/** Error classes that a copy keeps, because a log line names the class. */
const BUILT_IN = new Map(
  [TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError].map((one) => [one.name, one]),
);

/** The standard members of an error. */
const OWN = new Set(['name', 'message', 'stack', 'cause', 'errors']);

/** Copies made here, which are plain already. */
const made = new WeakSet<Error>();

/** The budget of text for one thrown value, in characters. */
const MAX_TEXT = 65_536;

interface Budget {
  left: number;
  text: number;
}

/**
 * Copies a thrown value into an error with plain, bounded members: name, message, stack, causes, the errors of an
 * AggregateError, and fields that are text, numbers or booleans. A value that is not an error becomes an error that
 * describes it. Never throws.
 */
export function plainError(thrown: unknown): Error {
  return copy(thrown, 0, { left: MAX_READ, text: MAX_TEXT });
}

/**
 * Copies the errors of an AggregateError, nested ones too, as plain errors. Any other failure yields one copy. Never
 * throws.
 */
export function errorsIn(failure: unknown, depth = 0): Error[] {
  const errors = isInstance(failure, AggregateError) ? itemsOf(readMember(failure, 'errors'), MAX_FAILURES) : undefined;
  if (!errors) return [plainError(failure)];
  return errors.flatMap((one) => (depth < MAX_DEPTH ? errorsIn(one, depth + 1) : [plainError(one)]));
}

/** Whether a thrown value is an error, even if its members cannot be read. Never throws. */
export function isErrorLike(thrown: unknown): boolean {
  return types.isNativeError(thrown) || isError(thrown);
}

function copy(thrown: unknown, depth: number, budget: Budget): Error {
  if (made.has(thrown as Error)) return thrown as Error;
  budget.left--;
  const error = isErrorLike(thrown) ? copyOf(thrown, budget) : marked(new Error(showThrown(thrown)));
  if (isErrorLike(thrown)) addInner(error, thrown, depth, budget);
  made.add(error);
  return error;
}

function copyOf(thrown: unknown, budget: Budget): Error {
  const name = nameOf(thrown);
  const whole = textIn(thrown, 'message') ?? UNREADABLE;
  const message = cut(whole, budget.text > 0 ? MAX_MESSAGE : MIN_MESSAGE);
  const error = make(thrown, name, message);
  const stack = textIn(thrown, 'stack');
  const kept = stack === undefined || budget.text <= 0 ? `${name}: ${message}` : withMessage(stack, whole, message);
  define(error, 'name', name);
  define(error, 'stack', cut(kept, MAX_STACK));
  budget.text -= message.length + error.stack!.length;
  addDetails(error, thrown);
  return error;
}

function make(thrown: unknown, name: string, message: string): Error {
  const code = readMember(thrown, 'code');
  if (readMember(thrown, JETPLUG_MARK) !== true || !isErrorCode(code)) {
    return new (BUILT_IN.get(name) ?? Error)(message);
  }
  const line = readMember(thrown, 'line');
  return new JetplugError(code, message, {
    plugin: shortTextIn(thrown, 'plugin'),
    ...given('file', shortTextIn(thrown, 'file')),
    ...given('line', typeof line === 'number' ? line : undefined),
    hint: shortTextIn(thrown, 'hint'),
  });
}

const JETPLUG_MARK = Symbol.for('jetplug.error');

/** The error's name, or the name of its class if the name is only `Error`. */
function nameOf(thrown: unknown): string {
  const name = textIn(thrown, 'name') ?? 'Error';
  const ofClass = name === 'Error' ? textIn(readMember(thrown, 'constructor'), 'name') : undefined;
  return cut(ofClass === undefined || ofClass === '' ? name : ofClass, MAX_NAME);
}

/** Shortens the message at the start of a stack, so that the limit of the stack leaves space for the frames. */
function withMessage(stack: string, whole: string, message: string): string {
  if (whole === message) return stack;
  const at = stack.indexOf(whole.slice(0, 64));
  if (at < 0 || !stack.startsWith(whole, at)) return stack;
  return stack.slice(0, at) + message + stack.slice(at + whole.length);
}

function addInner(error: Error, thrown: unknown, depth: number, budget: Budget): void {
  if (depth >= MAX_DEPTH) return;
  const cause = readMember(thrown, 'cause');
  if (cause !== undefined && budget.left > 0) define(error, 'cause', copy(cause, depth + 1, budget));
  const errors = itemsOf(readMember(thrown, 'errors'), MAX_ERRORS);
  const inner = errors?.flatMap((one) => (budget.left > 0 ? [copy(one, depth + 1, budget)] : []));
  if (inner && inner.length > 0) define(error, 'errors', inner);
}

/** Copies fields such as `code` and `errno`, which help readers of the log. */
function addDetails(error: Error, thrown: unknown): void {
  const isCoded = error instanceof JetplugError;
  for (const [name, value] of detailsOf(thrown)) {
    if (!OWN.has(name) && !(isCoded && name in error)) Object.defineProperty(error, name, { value, enumerable: true });
  }
}

function detailsOf(thrown: unknown): [string, string | number | boolean][] {
  const details: [string, string | number | boolean][] = [];
  for (const name of keysOf(thrown, MAX_DETAILS)) {
    const value = readMember(thrown, name);
    if (typeof value === 'string') details.push([cut(name, MAX_NAME), cut(value, MAX_DETAIL)]);
    else if (typeof value === 'number' || typeof value === 'boolean') details.push([cut(name, MAX_NAME), value]);
  }
  return details;
}

/** The first own enumerable names of an object. Never throws. */
export function keysOf(value: unknown, max: number): string[] {
  try {
    return Object.keys(value as object).slice(0, max);
  } catch {
    return []; // a Proxy that throws or was revoked
  }
}

/** The first items of an array; undefined for any other value. Never throws. */
export function itemsOf(value: unknown, max: number): unknown[] | undefined {
  try {
    if (!Array.isArray(value)) return undefined;
    const length = Math.min(Number(readMember(value, 'length')), max);
    return Array.from({ length }, (_, i) => readMember(value, i));
  } catch {
    return undefined; // a revoked Proxy
  }
}

function textIn(value: unknown, name: string): string | undefined {
  const text = readMember(value, name);
  return typeof text === 'string' ? text : undefined;
}

function shortTextIn(value: unknown, name: string): string | undefined {
  const text = textIn(value, name);
  return text === undefined ? undefined : cut(text, MAX_DETAIL);
}

function given<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return (value === undefined ? {} : { [name]: value }) as Partial<Record<K, V>>;
}

function marked(error: Error): Error {
  define(error, 'stack', `${error.name}: ${error.message}`);
  return error;
}

/** Defines a member that is not enumerable, so that a log line does not show it as a field. */
function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, enumerable: false, configurable: true, writable: true });
}
