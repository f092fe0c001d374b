import type { EventContract } from '../../sdk/internal';
import { isPromise, then, type MaybePromise } from '../base/maybe-promise';
import { plainError } from '../base/plain-error';
import { promiseOf } from '../base/promises';
import { showThrown } from '../base/thrown';
import type { Decoded } from './decode';
import { invalid, type Invalid } from './outcome';
import { validate, type Validated } from './validate';

/**
 * Validates a stored event. If its fields do not fit the contract, the contract's `upcast` converts them once, and the
 * result is validated. Never throws.
 */
export function validateStored(
  decoded: Decoded | Invalid,
  contract: EventContract | undefined,
): MaybePromise<Validated | Invalid> {
  const result = validate(decoded, contract);
  if (decoded.kind === 'invalid' || !contract) return result;
  return isPromise(result)
    ? result.then((settled) => orUpcast(decoded, contract, settled))
    : orUpcast(decoded, contract, result);
}

/** Returns the result, or that of the upcast if only the fields of the event do not fit. */
function orUpcast(
  decoded: Decoded,
  contract: EventContract,
  result: Validated | Invalid,
): MaybePromise<Validated | Invalid> {
  return result.kind === 'invalid' && result.reason === 'schema' ? upcast(decoded, contract, result) : result;
}

/** @param first why the event does not fit as it is stored */
function upcast(decoded: Decoded, contract: EventContract, first: Invalid): MaybePromise<Validated | Invalid> {
  const fields = convert(decoded, contract, first);
  if ('kind' in fields) return fields;
  return then(validate({ ...decoded, fields: fields.value }, contract), (result) =>
    result.kind === 'invalid'
      ? {
          ...because(first, `after the upcast: ${result.error.message}`, result.error.cause),
          ...(result.issues && { issues: result.issues }),
        }
      : { ...result, isUpcast: true },
  );
}

/** Calls the author's function, if the contract has one, with a copy of the fields, which it may change. */
function convert(
  { fields }: Decoded,
  contract: EventContract,
  first: Invalid,
): { readonly value: Record<string, unknown> } | Invalid {
  try {
    const { upcast: convertOld } = contract;
    if (convertOld === undefined) return first;
    const value = convertOld(structuredClone(fields));
    const promise = promiseOf(value);
    // Nobody waits for the promise, so its failure is not an error of its own.
    promise?.catch(() => undefined);
    if (promise) return because(first, 'the upcast returned a promise');
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject
      ? { value: value as Record<string, unknown> }
      : because(first, 'the upcast did not return an object');
  } catch (error) {
    return because(first, `the upcast threw: ${showThrown(error)}`, plainError(error));
  }
}

/** Returns the outcome with both reasons: why the event does not fit, and why the upcast does not help. */
function because({ error }: Invalid, why: string, cause: unknown = error.cause): Invalid {
  return { ...invalid('schema', `${error.message}; ${why}`, cause), issues: [{ field: '', message: why }] };
}
