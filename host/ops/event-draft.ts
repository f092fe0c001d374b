import type { ErrorObject, ValidateFunction } from 'ajv';
import { isJetplugError, isPublishSubject, JetplugError } from '../../sdk/internal';
import { BoundedMap } from '../base/bounded-map';
import type { Config } from '../config/config';
import { refuseReserved } from '../effects/publishable';
import type { DescribedContract } from '../load/plugin-events';
import type { Connection } from '../nats/connection';
import type { Publisher } from '../nats/publisher';
import { readContracts } from './contract-records';
import { eventOf } from './event-text';
import { payloadSchemas } from './payload-schema';
import { MASK } from '../base/mask';
import { takersOf } from './takers';

/** An event that somebody is typing. */
export interface EventDraft {
  readonly subject: string;
  /** The payload as JSON text. */
  readonly text: string;
}

export interface DraftFault {
  /** The path of the field, with dots; empty for the event itself. */
  readonly path: string;
  readonly message: string;
}

/** Compiled schemas, by their JSON. */
const validators = new BoundedMap<string, ValidateFunction>(100);

/** Checks an event that is not published yet as the hosts will, by the JSON Schemas of its contracts. */
export async function faultsOf(
  { subject, text }: EventDraft,
  connection: Connection,
  config: Config,
): Promise<DraftFault[]> {
  try {
    if (!isPublishSubject(subject))
      throw new JetplugError('JP_SUBJECT_INVALID', `${JSON.stringify(subject)} is not a subject`);
    refuseReserved(subject);
    await eventOf(Buffer.from(text), subject, undefined, config.delivery);
  } catch (error) {
    if (isJetplugError(error)) return [{ path: '', message: error.message }];
    throw error;
  }
  const payload: unknown = JSON.parse(text);
  const { records } = await readContracts(connection);
  const contracts = records.flatMap((record) => record.contracts).filter((contract) => contract.subject === subject);
  const faults = await Promise.all(distinct(contracts).map((contract) => faultsBy(contract, payload)));
  return [...hidden(payload, ''), ...faults.flat()];
}

/** The handlers that would receive an event of the subject, and why no stream would store it. */
export async function receiversOf(subject: string, connection: Connection, config: Config) {
  const { takes, later, stream, advice } = await takersOf(subject, connection, config);
  const names = [...takes, ...later.map(({ handler }) => handler)];
  const noStream = stream === undefined ? (advice ?? `no stream holds ${subject}`) : undefined;
  return {
    receives: names.map((name) => {
      const [plugin = '', handler = ''] = name.split('.');
      return { plugin, handler };
    }),
    ...(noStream !== undefined && { advice: noStream }),
  };
}

/**
 * Publishes an event that has no faults.
 * @throws JetplugError `JP_EVENT_INVALID` with the faults, or the error of the publish
 */
export async function publishDraft(
  draft: EventDraft,
  connection: Connection,
  publisher: Publisher,
  config: Config,
): Promise<{ readonly id: string; readonly stream: string; readonly sequence: number }> {
  const faults = await faultsOf(draft, connection, config);
  if (faults.length > 0) {
    const texts = faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
    throw new JetplugError('JP_EVENT_INVALID', `${draft.subject} is not published: ${texts.join('; ')}`);
  }
  const event = await eventOf(Buffer.from(draft.text), draft.subject, undefined, config.delivery);
  const { stream, seq } = await publisher.send(event);
  return { id: event.id, stream, sequence: seq };
}

function distinct(contracts: readonly DescribedContract[]): DescribedContract[] {
  return [...new Map(contracts.map((contract) => [JSON.stringify(contract.schema), contract])).values()];
}

async function faultsBy(contract: DescribedContract, payload: unknown): Promise<DraftFault[]> {
  const validate = await validatorOf(contract);
  if (!validate || validate(payload)) return [];
  return (validate.errors ?? []).map(faultOf);
}

function faultOf({ instancePath, keyword, params, message = 'is not valid' }: ErrorObject): DraftFault {
  const { missingProperty } = params as { missingProperty?: string };
  const path = instancePath
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (keyword === 'required' && missingProperty !== undefined)
    return { path: [...path, missingProperty].join('.'), message: 'is missing' };
  return { path: path.join('.'), message };
}

/** Returns undefined for a schema that cannot be compiled. The hosts check the event by the contract itself. */
async function validatorOf(contract: DescribedContract): Promise<ValidateFunction | undefined> {
  const schemas = payloadSchemas(contract, 'Event', '#/definitions');
  const key = JSON.stringify(schemas);
  const known = validators.get(key);
  if (known) return known;
  // Loaded when it is needed, because loading it takes about 0.1 s.
  const { Ajv } = await import('ajv');
  try {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });
    const compiled = ajv.compile({ $ref: '#/definitions/Event', definitions: schemas });
    validators.set(key, compiled);
    return compiled;
  } catch {
    return undefined;
  }
}

/** The values that were copied from a sample, where they are hidden. */
function hidden(value: unknown, path: string): DraftFault[] {
  if (value === MASK) return [{ path, message: 'is hidden: type a value' }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => hidden(one, path === '' ? name : `${path}.${name}`));
}
