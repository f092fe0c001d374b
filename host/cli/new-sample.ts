import type { Contract } from './new-contract';

export type Sample = Record<string, unknown>;

/** The parts of a JSON schema that a sample needs. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly format?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Some validators can describe their input as a JSON schema. Version 1.0 of Standard Schema does not have this. */
interface DescribedSchema {
  readonly jsonSchema?: { input(options: { target: string }): JsonSchema };
}

/**
 * Returns fields that are valid by the contract; undefined where its schema has no description, or the sample is
 * invalid.
 */
export async function sampleOf({ schema }: Contract): Promise<Sample | undefined> {
  // A contract that `jetplug new` writes has this field.
  if (!schema) return { id: 'id-1' };
  const standard = schema['~standard'];
  const description = describe(standard as DescribedSchema);
  const sample = description && (sampleFor(description, 'it') as Sample);
  if (sample === undefined) return undefined;
  const { issues } = await standard.validate(sample);
  return issues ? undefined : sample;
}

/** A validator throws for a schema that JSON Schema cannot express. */
function describe({ jsonSchema }: DescribedSchema): JsonSchema | undefined {
  try {
    return jsonSchema?.input({ target: 'draft-2020-12' });
  } catch {
    return undefined;
  }
}

function sampleFor(schema: JsonSchema, name: string): unknown {
  if ('const' in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf?.[0]) return sampleFor(schema.anyOf[0], name);
  const [type] = [schema.type].flat();
  switch (type) {
    case 'string':
      return stringFor(schema, name);
    case 'integer':
    case 'number':
      return numberFor(schema);
    case 'boolean':
      return true;
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleFor(schema.items ?? {}, name));
    case 'object':
      return objectFor(schema);
    default:
      return null;
  }
}

/** Returns 1 where the schema permits it, else the smallest integer. */
function numberFor({ minimum = -Infinity, exclusiveMinimum = -Infinity }: JsonSchema): number {
  return Math.max(1, Math.ceil(minimum), Math.floor(exclusiveMinimum) + 1);
}

function objectFor({ properties = {}, required = [] }: JsonSchema): Sample {
  return Object.fromEntries(required.map((field) => [field, sampleFor(properties[field] ?? {}, field)]));
}

const BY_FORMAT: Readonly<Record<string, string>> = {
  'date-time': '2026-05-12T12:00:00.000Z',
  date: '2026-05-12',
  email: 'someone@example.org',
  uri: 'https://example.org/',
  uuid: '0f8fad5b-d9cb-469f-a165-70867728950e',
};

function stringFor({ format = '', minLength = 0 }: JsonSchema, name: string): string {
  return BY_FORMAT[format] ?? `${name.replace(/_id$/, '')}-1`.padEnd(minLength, 'x');
}
