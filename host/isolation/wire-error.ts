import { BatchFailure, Reject, RetryLater } from '../../sdk';
import {
  isBatchFailure,
  isJetplugError,
  isReject,
  isRetryLater,
  JetplugError,
  type ErrorReport,
} from '../../sdk/internal';
import { AlreadySettled } from '../effects/write-batch';
import { OutcomeKnown, type DeadLetterReason } from '../message/outcome';
import { isError, showThrown } from '../thrown';

/** A thrown value on its way between host and process: what its receiver must know of it. */
export type WireError = WireText &
  (
    | { readonly kind: 'error' | 'reject' }
    | ({ readonly kind: 'jetplug' } & ErrorReport)
    | { readonly kind: 'retry-later'; readonly delayMs: number }
    | { readonly kind: 'batch'; readonly failures: readonly { readonly index: number; readonly error: WireError }[] }
    | { readonly kind: 'settled'; readonly durable: string; readonly sequence: number }
    | { readonly kind: 'invalid'; readonly reason: DeadLetterReason }
    | { readonly kind: 'value'; readonly value?: unknown }
  );

interface WireText {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly cause?: WireError | undefined;
}

const MAX_CAUSES = 5;
/** Logs tell an error's class. */
const BUILT_IN = new Map(
  [TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError].map((one) => [one.name, one]),
);

export function encodeError(thrown: unknown, causes = MAX_CAUSES): WireError {
  if (thrown instanceof OutcomeKnown && thrown.outcome.kind === 'invalid') {
    const { reason, error } = thrown.outcome;
    return { kind: 'invalid', reason, ...textOf(error, causes) };
  }
  if (!isError(thrown)) return valueOf(thrown);
  const text = textOf(thrown, causes);
  if (thrown instanceof AlreadySettled) {
    return { kind: 'settled', durable: thrown.durable, sequence: thrown.sequence, ...text };
  }
  if (isReject(thrown)) return { kind: 'reject', ...text };
  if (isRetryLater(thrown)) return { kind: 'retry-later', delayMs: thrown.delayMs, ...text };
  if (isBatchFailure(thrown)) {
    const failures = thrown.failures.map(({ index, error }) => ({ index, error: encodeError(error, causes) }));
    return { kind: 'batch', failures, ...text };
  }
  if (isJetplugError(thrown)) return { kind: 'jetplug', ...thrown.toJSON(), ...text };
  return { kind: 'error', ...text };
}

/** The error again, as one that was thrown here. */
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
      return new RetryLater(wire.delayMs, wire.message, options);
    case 'batch':
      return new BatchFailure(
        wire.failures.map(({ index, error }) => ({ index, error: decodeError(error) })),
        options,
      );
    case 'settled':
      return new AlreadySettled(wire.durable, wire.sequence);
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

function textOf(error: Error, causes: number): WireText {
  const { name, message, stack, cause } = error;
  const hasCause = cause !== undefined && causes > 0;
  return { name, message, stack, ...(hasCause && { cause: encodeError(cause, causes - 1) }) };
}

/** What JSON does not hold as it is, is told in words. */
function valueOf(thrown: unknown): WireError {
  const plain = thrown === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof thrown);
  return { kind: 'value', name: '', message: '', value: plain ? thrown : showThrown(thrown) };
}
