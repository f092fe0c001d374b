import { BatchFailure, Reject, RetryLater } from '../../sdk';
import { isJetplugError, JetplugError, type ErrorReport } from '../../sdk/internal';
import { OutcomeKnown, type DeadLetterReason } from '../message/outcome';
import { readThrown, type ThrownRecord } from '../message/read-thrown';
import { isErrorLike, plainError } from '../base/plain-error';

/** A thrown value as it is sent between host and process. */
export type WireError = WireText &
  (
    | { readonly kind: 'error' | 'reject' }
    | ({ readonly kind: 'jetplug' } & ErrorReport)
    | { readonly kind: 'retry-later'; readonly delayMs: number }
    | { readonly kind: 'batch'; readonly failures: readonly WireFailure[] }
    | { readonly kind: 'invalid'; readonly reason: DeadLetterReason }
    | { readonly kind: 'value'; readonly value?: unknown }
  );

/** One event of a batch that failed. */
export interface WireFailure {
  readonly index: number;
  readonly error: WireError;
}

interface WireText {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly cause?: WireError | undefined;
}

/** Classes that a decoded error keeps, because log lines show the class. */
const BUILT_IN = new Map(
  [TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError].map((one) => [one.name, one]),
);

/** Reads an author's thrown value once, into a form that JSON can hold. Never throws. */
export function encodeError(thrown: unknown): WireError {
  return encodeRecord(readThrown(thrown));
}

function encodeRecord(record: ThrownRecord): WireError {
  switch (record.kind) {
    case 'value':
      return { kind: 'value', name: '', message: '', value: record.value };
    case 'known': {
      const { outcome } = record;
      if (outcome.kind === 'invalid') return { kind: 'invalid', reason: outcome.reason, ...textOf(outcome.error) };
      return { kind: 'error', ...textOf(new Error(`the outcome ${outcome.kind}`)) };
    }
    case 'retry-later':
      return { kind: 'retry-later', delayMs: record.delayMs, ...textOf(record.error) };
    case 'batch': {
      const failures = record.failures.map(({ index, thrown }) => ({ index, error: encodeRecord(thrown) }));
      return { kind: 'batch', failures, ...textOf(record.error) };
    }
    case 'reject':
      return { kind: 'reject', ...textOf(record.error) };
    default:
      return encodePlain(record.error);
  }
}

/** Encodes the failures of a batch. Each failure names its event by the event's index in the batch that the host sent. */
export function encodeBatch(failures: readonly WireFailure[]): WireError {
  return { kind: 'batch', failures, ...textOf(new BatchFailure(failures)) };
}

function encodePlain(error: Error): WireError {
  const text = textOf(error);
  return isJetplugError(error) ? { kind: 'jetplug', ...error.toJSON(), ...text } : { kind: 'error', ...text };
}

/** Makes an error of this process from one that was sent. */
export function decodeError(wire: WireError): unknown {
  if (wire.kind === 'value') return wire.value;
  const { name, stack } = wire;
  const error = make(wire, wire.cause && { cause: decodeError(wire.cause) });
  return Object.assign(error, { ...(stack !== undefined && { stack }), ...(error.name !== name && { name }) });
}

function make(wire: Exclude<WireError, { kind: 'value' }>, options?: ErrorOptions): Error {
  switch (wire.kind) {
    case 'error':
      return new (BUILT_IN.get(wire.name) ?? Error)(wire.message, options);
    case 'reject':
      return new Reject(wire.message, options);
    case 'retry-later':
      return Object.assign(new RetryLater('0s', wire.message, options), { delayMs: wire.delayMs });
    case 'batch':
      return new BatchFailure(
        wire.failures.map(({ index, error }) => ({ index, error: decodeError(error) })),
        options,
      );
    case 'jetplug': {
      const { code, message, plugin, file, line, hint } = wire;
      return new JetplugError(code, message, {
        plugin,
        ...(file !== undefined && { file }),
        ...(line !== undefined && { line }),
        hint,
        ...options,
      });
    }
    case 'invalid': {
      const error = Object.assign(new Error(wire.message, options), { name: wire.name });
      return new OutcomeKnown({ kind: 'invalid', reason: wire.reason, error });
    }
  }
}

/** The texts of an error, and its causes. */
function textOf(error: Error): WireText {
  const { name, message, stack, cause } = plainError(error);
  return { name, message, stack, ...(isErrorLike(cause) && { cause: encodePlain(cause as Error) }) };
}
