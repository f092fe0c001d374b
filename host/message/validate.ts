import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Envelope, EventContract } from '../../sdk/internal';
import { isPromise, type MaybePromise } from '../maybe-promise';
import { showThrown } from '../thrown';
import type { Decoded } from './decode';
import { instantiate } from './instantiate';
import { invalid, type Invalid } from './outcome';

/** An event that its handler may see. */
export interface Validated {
  readonly kind: 'validated';
  readonly event: Envelope;
  readonly decoded: Decoded;
}

/** Holds the event against the handler's contract; an invalid one passes through. Never throws. */
export function validate(
  decoded: Decoded | Invalid,
  contract: EventContract | undefined,
): MaybePromise<Validated | Invalid> {
  if (decoded.kind === 'invalid') return decoded;
  const { envelope, fields } = decoded;
  if (!contract) return { kind: 'validated', event: rawEvent(decoded), decoded };
  if (envelope.event_type !== contract.subject) {
    return invalid(
      'invalid-envelope',
      `event_type is ${JSON.stringify(envelope.event_type.slice(0, 100))}; the handler takes ${JSON.stringify(contract.subject)}`,
    );
  }
  try {
    const result = contract.schema['~standard'].validate(fields);
    return isPromise(result)
      ? result.then((settled) => accept(settled, decoded, contract)).catch(schemaThrew)
      : accept(result, decoded, contract);
  } catch (error) {
    return schemaThrew(error);
  }
}

function accept(
  result: StandardSchemaV1.Result<object>,
  decoded: Decoded,
  contract: EventContract,
): Validated | Invalid {
  if (result.issues) return invalid('schema', listIssues(result.issues));
  return { kind: 'validated', event: instantiate(contract, merge(result.value, decoded.envelope)), decoded };
}

/** What a handler on a raw subject gets. Where members of a CloudEvent's data are named like the envelope's, all of the data is under `data`. */
function rawEvent({ fields, envelope, cloudEvent }: Decoded): Envelope {
  const isHidden = cloudEvent && Object.keys(envelope).some((name) => Object.hasOwn(fields, name));
  return isHidden ? merge({ ...fields, data: cloudEvent.data }, envelope) : merge(fields, envelope);
}

/** Not by spreading both into a literal, which takes three times as long as all of the validation. */
function merge(fields: object, envelope: Envelope): Envelope {
  return Object.assign({}, fields, envelope);
}

function schemaThrew(error: unknown): Invalid {
  return invalid('schema', `the schema threw: ${showThrown(error)}`, error);
}

const MAX_ISSUES = 10;

/** `user_id: expected string; genres.0: too short`, at most ten of them. */
export function listIssues(issues: readonly StandardSchemaV1.Issue[]): string {
  const listed = issues.slice(0, MAX_ISSUES).map((issue) => {
    const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return path ? `${path}: ${issue.message}` : issue.message;
  });
  const more = issues.length - listed.length;
  return listed.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
