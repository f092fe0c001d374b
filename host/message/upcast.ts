import type { EventContract } from '../../sdk/internal';
import { then, type MaybePromise } from '../base/maybe-promise';
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
  const first = validate(decoded, contract);
  if (decoded.kind === 'invalid' || contract?.upcast === undefined) return first;
  return then(first, (result) => (isMisfit(result) ? upcast(decoded, contract, result) : result));
}

/** Whether only the fields of an event do not fit. */
function isMisfit(result: Validated | Invalid): result is Invalid {
  return result.kind === 'invalid' && result.reason === 'schema';
}

/** @param misfit why the event does not fit as it is stored */
function upcast(decoded: Decoded, contract: EventContract, misfit: Invalid): MaybePromise<Validated | Invalid> {
  const fields = convert(decoded, contract, misfit);
  if ('kind' in fields) return fields;
  return then(validate({ ...decoded, fields: fields.value }, contract), (result) =>
    result.kind === 'invalid'
      ? {
          ...because(misfit, `after the upcast: ${result.error.message}`, result.error.cause),
          ...(result.misfits && { misfits: result.misfits }),
        }
      : { ...result, isUpcast: true },
  );
}

/** Calls the author's function with a copy of the fields, which it may change. */
function convert(
  { fields }: Decoded,
  contract: EventContract,
  misfit: Invalid,
): { readonly value: Record<string, unknown> } | Invalid {
  try {
    const value = contract.upcast!(structuredClone(fields));
    const promise = promiseOf(value);
    // Nobody waits for the promise, so its failure is not an error of its own.
    promise?.catch(() => undefined);
    if (promise) return because(misfit, 'the upcast returned a promise');
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject
      ? { value: value as Record<string, unknown> }
      : because(misfit, 'the upcast did not return an object');
  } catch (error) {
    return because(misfit, `the upcast threw: ${showThrown(error)}`, plainError(error));
  }
}

/** Returns the outcome with both reasons: why the event does not fit, and why the upcast does not help. */
function because({ error }: Invalid, why: string, cause: unknown = error.cause): Invalid {
  return { ...invalid('schema', `${error.message}; ${why}`, cause), misfits: [{ field: '', message: why }] };
}
