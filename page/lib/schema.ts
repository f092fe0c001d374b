/** A JSON Schema, as far as the page reads it. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly format?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly description?: string;
}

export interface SchemaField {
  readonly path: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly note: string;
}

const MAX_DEPTH = 6;

/** The fields of a schema as lines: `videos[].watches`, its type, and its limits in words. */
export function fieldsOf(schema: object): readonly SchemaField[] {
  const fields: SchemaField[] = [];
  const add = (path: string, part: Schema, isRequired: boolean, depth: number): void => {
    if (path !== '') fields.push({ path, type: typeOf(part), isRequired, note: noteOf(part) });
    if (depth > MAX_DEPTH) return;
    for (const [name, property] of Object.entries(part.properties ?? {})) {
      const own = path === '' ? name : `${path}.${name}`;
      add(own, property, part.required?.includes(name) ?? false, depth + 1);
    }
    if (part.items?.properties) add(`${path}[]`, part.items, true, depth + 1);
  };
  add('', schema, true, 0);
  return fields;
}

function typeOf(schema: Schema): string {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.items) return `list of ${typeOf(schema.items)}`;
  if (schema.type === undefined) return schema.const === undefined ? 'any' : JSON.stringify(schema.const);
  return typeof schema.type === 'string' ? schema.type : schema.type.join(' or ');
}

function noteOf(schema: Schema): string {
  const { description, format, minimum, exclusiveMinimum, maximum, maxLength, maxItems } = schema;
  return [
    description,
    format,
    schema.enum && `one of ${schema.enum.map((each) => JSON.stringify(each)).join(', ')}`,
    minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && `at least ${minimum}`,
    exclusiveMinimum !== undefined && `more than ${exclusiveMinimum}`,
    maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && `at most ${maximum}`,
    maxLength !== undefined && `at most ${maxLength} characters`,
    maxItems !== undefined && `at most ${maxItems} items`,
  ]
    .filter((part) => part !== undefined && part !== false)
    .join(', ');
}

/** A payload with the shape of a schema, to begin with in a form. */
export function sampleOf(schema: object, depth = 0): unknown {
  const part = schema as Schema;
  const [example] = part.examples ?? [];
  const known = example ?? part.default ?? part.const ?? part.enum?.[0];
  if (known !== undefined) return known;
  const [choice] = part.anyOf ?? part.oneOf ?? [];
  if (choice) return sampleOf(choice, depth);
  switch (typeof part.type === 'string' ? part.type : part.type?.[0]) {
    case 'object':
      return depth > MAX_DEPTH ? {} : sampleObject(part, depth);
    case 'array':
      return part.items && (part.minItems ?? 0) > 0 ? [sampleOf(part.items, depth + 1)] : [];
    case 'string':
      return part.format === 'date-time' ? new Date(0).toISOString() : 'text'.slice(0, part.maxLength);
    case 'number':
    case 'integer':
      return part.exclusiveMinimum !== undefined ? part.exclusiveMinimum + 1 : Math.max(0, part.minimum ?? 0);
    case 'boolean':
      return false;
    default:
      return null;
  }
}

function sampleObject({ properties = {}, required = [] }: Schema, depth: number): object {
  return Object.fromEntries(required.map((name) => [name, sampleOf(properties[name] ?? {}, depth + 1)]));
}
