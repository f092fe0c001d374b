import type { DescribedContract } from '../load/plugin-events';
import type { JsonSchema } from '../load/json-schema';

/** The JSON Schemas of one document, by name. */
export type Schemas = Record<string, JsonSchema>;

type Members = Record<string, unknown>;

/** The keywords of draft 7 that hold one schema, a list of schemas, or schemas by name. Other values are data. */
const HOLDS_SCHEMA = new Set(['additionalItems', 'additionalProperties', 'contains', 'else', 'if', 'items', 'not']);
for (const name of ['propertyNames', 'then', 'allOf', 'anyOf', 'oneOf']) HOLDS_SCHEMA.add(name);
const HOLDS_NAMED = new Set(['definitions', '$defs', 'dependencies', 'patternProperties', 'properties']);
/** The keywords whose schemas apply to the event itself, and so also see its envelope. */
const IN_PLACE = ['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else'];

/**
 * Returns the schemas of an event as it is published: the envelope and its fields under `name`, and the schemas that
 * these refer to under names that begin with `name`.
 * @param at where the schemas stand in the document: `#/definitions`, or `#/components/schemas`
 */
export function payloadSchemas(contract: DescribedContract, name: string, at: string): Schemas {
  const { definitions, $defs, ...fields } = contract.schema as Members;
  const parts = { ...(definitions as Members), ...($defs as Members) };
  const names = partNames(Object.keys(parts), name);
  const refers = new Referrer(at, `${name}.fields`, names);
  const own = refers.in(fields) as Members;
  const schemas: Schemas = {};
  for (const [part, schema] of Object.entries(parts)) schemas[names.get(part)!] = refers.in(schema) as JsonSchema;
  // The schema refers to itself, where the envelope does not belong.
  if (refers.hasOwnRoot) schemas[`${name}.fields`] = own;
  const lookUp: LookUp = (reference) => schemas[reference.slice(at.length + 1)];
  const payload = withEnvelope(own, contract.subject, lookUp);
  const notes = [...contract.notes, ...refers.notes];
  const comment = notes.length > 0 && {
    $comment: `This schema leaves out a part of the contract. ${notes.join('; ')}`,
  };
  const description = contract.description !== undefined && { description: contract.description };
  return { [name]: { title: contract.name, ...description, ...payload, ...comment }, ...schemas };
}

/** The schema of an event on a raw subject, whose fields are not known. */
export function openPayload(): JsonSchema {
  const title = 'An event without a contract';
  return { title, type: 'object', properties: envelopeOf(undefined), additionalProperties: true };
}

/** The names of the parts in the document, which must fit AsyncAPI's pattern. */
function partNames(parts: readonly string[], name: string): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>([`${name}.fields`]);
  for (const part of parts) {
    const base = `${name}.${part.replace(/[^\w.-]/g, '_')}`;
    let unique = base;
    for (let n = 2; taken.has(unique); n++) unique = `${base}-${n}`;
    taken.add(unique);
    names.set(part, unique);
  }
  return names;
}

/** Rewrites the references of a schema that was a document of its own. */
class Referrer {
  readonly notes: string[] = [];
  /** Whether a reference leads to the schema itself, or to a part of it that is no definition. */
  hasOwnRoot = false;

  constructor(
    private readonly at: string,
    private readonly root: string,
    private readonly names: ReadonlyMap<string, string>,
  ) {}

  /** Copies a schema. An `$id` would change the meaning of the references in it. */
  in(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((one) => this.in(one));
    if (typeof schema !== 'object' || schema === null) return schema;
    const members = Object.entries(schema).filter(([key]) => !['$id', 'id', '$schema'].includes(key));
    return Object.fromEntries(
      members.flatMap(([key, value]: [string, unknown]): [string, unknown][] => {
        if (key === '$ref' && typeof value === 'string') return this.reference(value);
        if (HOLDS_SCHEMA.has(key)) return [[key, this.in(value)]];
        if (HOLDS_NAMED.has(key) && typeof value === 'object' && value !== null) return [[key, this.named(value)]];
        return this.data(key, value);
      }),
    );
  }

  private named(schemas: object): Members {
    const { $ref, ...others } = schemas as Members;
    // Many tools, the official parser of AsyncAPI among them, take every member of this name for a reference.
    if ($ref !== undefined) this.notes.push('a field named $ref is left out');
    return Object.fromEntries(Object.entries(others).map(([name, one]) => [name, this.in(one)]));
  }

  private data(key: string, value: unknown): [string, unknown][] {
    if (typeof value !== 'object' || !JSON.stringify(value).includes('"$ref":')) return [[key, value]];
    this.notes.push(`the value of ${key} is left out, because a tool would take a part of it for a reference`);
    return [];
  }

  private reference(written: string): [string, unknown][] {
    const [, part, rest = ''] = /^#\/(?:definitions|\$defs)\/([^/]+)(.*)$/s.exec(written) ?? [];
    const name = part === undefined ? undefined : this.names.get(unescape(part));
    if (name !== undefined) return [['$ref', `${this.at}/${name}${rest}`]];
    if (/^#(?:\/|$)/.test(written)) {
      this.hasOwnRoot = true;
      return [['$ref', `${this.at}/${this.root}${written.slice(1)}`]];
    }
    this.notes.push(`a reference to ${written} is left out`);
    return [];
  }
}

function unescape(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** Adds the envelope to the schema of the fields, and permits it in each part that closes the object. */
function withEnvelope(schema: Members, subject: string, lookUp: LookUp): Members {
  const whole = permitEnvelope(schema, lookUp, []);
  return { ...whole, type: 'object', properties: { ...envelopeOf(subject), ...withoutEnvelope(whole['properties']) } };
}

/**
 * Returns the schema with the envelope permitted. A reference is replaced by its target, because the target may also be
 * the schema of a field.
 */
function permitEnvelope(schema: unknown, lookUp: LookUp, references: readonly string[]): Members {
  if (typeof schema !== 'object' || schema === null) return schema === false ? { not: {} } : {};
  const { $ref, ...members } = schema as Members;
  if (typeof $ref === 'string') {
    const target = references.includes($ref) ? undefined : lookUp($ref);
    return target ? permitEnvelope(target, lookUp, [...references, $ref]) : {};
  }
  for (const key of IN_PLACE) {
    const value = members[key];
    if (Array.isArray(value)) members[key] = value.map((one) => permitEnvelope(one, lookUp, references));
    else if (value !== undefined) members[key] = permitEnvelope(value, lookUp, references);
  }
  if ('additionalProperties' in members)
    members['properties'] = { ...ANY_ENVELOPE, ...(members['properties'] as Members) };
  if ('propertyNames' in members)
    members['propertyNames'] = { anyOf: [{ enum: Object.keys(ANY_ENVELOPE) }, members['propertyNames']] };
  return members;
}

type LookUp = (reference: string) => Members | undefined;

const ANY_ENVELOPE = { event_type: {}, event_id: {}, timestamp: {} };

function withoutEnvelope(properties: unknown): Members {
  const entries = Object.entries((properties ?? {}) as Members);
  return Object.fromEntries(entries.filter(([name]) => !(name in ANY_ENVELOPE)));
}

/** The envelope's schemas. The host completes the envelope of an event that was published without it. */
function envelopeOf(subject: string | undefined): Members {
  return {
    event_type: {
      ...(subject === undefined ? { type: 'string' } : { const: subject }),
      description: 'The kind of event. Default: the subject.',
    },
    event_id: {
      type: 'string',
      minLength: 1,
      maxLength: 256,
      description: 'The id of the event. Default: the header Nats-Msg-Id, else the place in the stream.',
    },
    timestamp: {
      type: 'string',
      format: 'date-time',
      description: 'When the event happened. Default: when the stream stored it.',
    },
  };
}
