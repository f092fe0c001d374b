import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Envelope, EventContract } from '../../sdk/internal';
import type { MaybePromise } from '../base/maybe-promise';
import { plainError } from '../base/plain-error';
import { promiseOf, whenSettled } from '../base/promises';
import { cut } from '../base/utf8';
import { readMember, showThrown } from '../base/thrown';
import type { Decoded } from './decode';
import { buildEvent } from './build-event';
import { invalid, type Invalid, type FieldIssue } from './outcome';

/** An event that fits the handler's contract. */
export interface Validated {
  readonly kind: 'validated';
  readonly event: Envelope;
  readonly decoded: Decoded;
  /** Set if the contract's `upcast` has converted the fields. */
  readonly isUpcast?: true;
}

/**
 * Validates the event against the handler's contract. Returns a message that is already invalid unchanged. Never
 * throws.
 */
export function validate(
  decoded: Decoded | Invalid,
  contract: EventContract | undefined,
): MaybePromise<Validated | Invalid> {
  if (decoded.kind === 'invalid') return decoded;
  const { envelope, fields } = decoded;
  if (!contract) return { kind: 'validated', event: rawEvent(decoded), decoded };
  try {
    // An event that waits under an earlier subject of the handler has that subject as its type.
    const { event_type: type } = envelope;
    if (type !== contract.subject && type !== decoded.subject) return otherType(envelope, contract);
    const result = contract.schema['~standard'].validate(fields);
    const validating = promiseOf(result);
    if (!validating) return accept(result as Result, decoded, contract);
    return whenSettled(validating, (settled) => accept(settled as Result, decoded, contract), schemaThrew).catch(
      schemaThrew,
    );
  } catch (error) {
    return schemaThrew(error);
  }
}

type Result = StandardSchemaV1.Result<object>;

function otherType(envelope: Envelope, contract: EventContract): Invalid {
  return invalid(
    'invalid-envelope',
    `event_type is ${JSON.stringify(envelope.event_type.slice(0, 100))}; the handler takes ${JSON.stringify(contract.subject)}`,
  );
}

function accept(result: Result, decoded: Decoded, contract: EventContract): Validated | Invalid {
  const { issues } = result;
  if (issues) return { ...invalid('schema', listIssues(issues)), issues: issues.slice(0, MAX_ISSUES).map(issueOf) };
  return { kind: 'validated', event: buildEvent(contract, merge(result.value, decoded.envelope)), decoded };
}

/**
 * Returns the event of a handler on a raw subject. If a member of a CloudEvent's data has the name of an envelope
 * field, all data is also under `data`.
 */
function rawEvent({ fields, envelope, cloudEvent }: Decoded): Envelope {
  const isHidden = cloudEvent && Object.keys(envelope).some((name) => Object.hasOwn(fields, name));
  return isHidden ? merge({ ...fields, data: cloudEvent.data }, envelope) : merge(fields, envelope);
}

/**
 * Copies the fields and the envelope into one object. Spreading both takes three times as long as all of the
 * validation.
 */
function merge(fields: object, envelope: Envelope): Envelope {
  return Object.assign({}, fields, envelope);
}

function schemaThrew(error: unknown): Invalid {
  return invalid('schema', `the schema threw: ${showThrown(error)}`, plainError(error));
}

const MAX_ISSUES = 10;
const MAX_ISSUE = 500;

/** Lists up to ten issues, for example `user_id: expected string; genres.0: too short`. */
export function listIssues(issues: readonly StandardSchemaV1.Issue[]): string {
  const listed = issues.slice(0, MAX_ISSUES).map((issue) => {
    const path = issue.path?.map(nameOf).join('.');
    const message = textOf(issue.message);
    return cut(path ? `${path}: ${message}` : message, MAX_ISSUE);
  });
  const more = issues.length - listed.length;
  return listed.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function issueOf({ path = [], message }: StandardSchemaV1.Issue): FieldIssue {
  const names = path.map((part) => {
    const name: unknown = typeof part === 'object' ? readMember(part, 'key') : part;
    return typeof name === 'number' ? '*' : textOf(name);
  });
  return { field: cut(names.join('.'), MAX_ISSUE), message: cut(textOf(message), MAX_ISSUE) };
}

function nameOf(part: unknown): string {
  return textOf(typeof part === 'object' ? readMember(part, 'key') : part);
}

/** Shows the text of an issue. A plugin's own validator may return any value as a message. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : showThrown(value);
}
