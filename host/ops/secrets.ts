import { JetplugError } from '../../sdk/internal';
import { MASK } from '../base/mask';
import type { ContractRecord } from '../plugin/contract-record';

/** The paths of the secret fields of a subject, as the contracts of all plugins name them. */
export type SecretsOf = (subject: string) => readonly string[];

export function secretsIn(records: readonly ContractRecord[]): SecretsOf {
  const bySubject = new Map<string, Set<string>>();
  for (const { subject, secret = [] } of records.flatMap(({ contracts }) => contracts)) {
    const paths = bySubject.get(subject) ?? new Set();
    for (const path of secret) paths.add(path);
    bySubject.set(subject, paths);
  }
  return (subject) => [...(bySubject.get(subject) ?? [])];
}

/** Returns a copy of a payload with `•••` in place of each secret value. */
export function masked(payload: unknown, secrets: readonly string[]): unknown {
  return secrets.reduce((value, path) => mask(value, path.split('.')), inEnvelope(payload, secrets));
}

/** The fields of a structured CloudEvent are within its `data`, which may be in Base64. */
function inEnvelope(payload: unknown, secrets: readonly string[]): unknown {
  if (secrets.length === 0 || !isObject(payload) || !('specversion' in payload)) return payload;
  const { data, data_base64: base64 } = payload;
  return {
    ...payload,
    ...(data !== undefined && { data: masked(data, secrets) }),
    ...(base64 !== undefined && { data_base64: MASK }),
  };
}

function mask(value: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (value === undefined || name === undefined) return value === undefined ? undefined : MASK;
  if (Array.isArray(value)) return value.map((item) => mask(item, path));
  // A value of another type than the contract has may still be the secret.
  if (!isObject(value)) return value === null ? null : MASK;
  return Object.hasOwn(value, name) ? { ...value, [name]: mask(value[name], rest) } : value;
}

/**
 * Returns an edited payload with the secret values of the original in place of each `•••` that its editor has left.
 * @throws JetplugError `JP_EVENT_INVALID` if the original has no value there
 */
export function unmasked(edited: unknown, original: unknown): unknown {
  if (edited === MASK) {
    if (original === undefined)
      throw new JetplugError('JP_EVENT_INVALID', `the payload has ${MASK} in place of a value`);
    return original;
  }
  if (Array.isArray(edited))
    return edited.map((item, i) => unmasked(item, Array.isArray(original) ? original[i] : undefined));
  if (!isObject(edited)) return edited;
  const of = (name: string): unknown =>
    isObject(original) && Object.hasOwn(original, name) ? original[name] : undefined;
  return Object.fromEntries(Object.entries(edited).map(([name, value]) => [name, unmasked(value, of(name))]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
