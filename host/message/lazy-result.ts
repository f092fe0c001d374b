import { types } from 'node:util';
import { JetplugError } from '../../sdk/internal';
import { readMember } from '../base/thrown';
import type { CalledHandler } from './handler-call';

const OBSERVABLE: readonly PropertyKey[] = ['@@observable', Symbol.for('observable')];
/** An object with `subscribe` and one of these methods is a broker client or an emitter, not an Observable. */
const CLIENT_METHODS = ['publish', 'emit'];

/**
 * Returns an error if a handler returned work that has not begun, which is a generator, an Observable or a function.
 * The event is then not handled. Returns undefined for any other value. A thenable is awaited, which begins its work.
 */
export function lazyResultError(handler: CalledHandler, returned: unknown): JetplugError | undefined {
  const kind = lazyKind(returned);
  if (kind === undefined) return undefined;
  const { plugin, name, where } = handler;
  const message = `${plugin}.${name} returned ${kind}, which nobody runs: the event is not handled`;
  return new JetplugError('JP_HANDLER_RETURNED_LAZY', message, { plugin, ...where });
}

function lazyKind(value: unknown): string | undefined {
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return undefined;
  if (isGenerator(value)) return 'a generator';
  return isObservable(value) ? 'an Observable' : undefined;
}

/** Also recognises iterator helpers, and generators in the form that compilers emit. */
function isGenerator(value: object): boolean {
  if (types.isGeneratorObject(value)) return true;
  const isIterable = has(value, Symbol.iterator) || has(value, Symbol.asyncIterator);
  const isCompiled = has(value, 'next') && has(value, 'throw') && has(value, 'return');
  return isIterable && (isCompiled || readMember(value, Symbol.toStringTag) === 'Iterator Helper');
}

function isObservable(value: object): boolean {
  const { observable } = Symbol as unknown as { observable?: symbol };
  const names = observable === undefined ? OBSERVABLE : [observable, ...OBSERVABLE];
  if (names.some((name) => has(value, name))) return true;
  return has(value, 'subscribe') && !CLIENT_METHODS.some((name) => has(value, name));
}

function has(value: object, method: PropertyKey): boolean {
  return typeof readMember(value, method) === 'function';
}
