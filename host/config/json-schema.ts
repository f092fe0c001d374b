import type { FormatName } from './formats';
import { isLeaf, type Leaf, type SchemaMap } from './key';
import { pluginSchema, schema } from './schema';

type JsonSchema = Readonly<Record<string, unknown>>;

const TEXT = { type: 'string', minLength: 1 };
const DURATION = { type: 'string', pattern: '^\\s*\\d+(\\.\\d+)? ?(ms|s|m|h|d)\\s*$' };
const SIZE = { type: ['string', 'integer'] };
const listOf = (items: JsonSchema, minItems = 1): JsonSchema => ({ type: 'array', items, minItems });
const integer = (minimum: number, maximum: number): JsonSchema => ({ type: 'integer', minimum, maximum });

/**
 * The formats as JSON Schema. An editor completes keys and finds values of a wrong type with it; `jetplug check` is
 * stricter.
 */
const FORMATS: Readonly<Record<FormatName, JsonSchema>> = {
  text: TEXT,
  path: TEXT,
  paths: listOf(TEXT),
  files: listOf(TEXT, 0),
  boolean: { type: 'boolean' },
  count: integer(1, 1_000_000),
  countLimit: integer(1, 1_000_000),
  replicas: integer(1, 5),
  port: integer(0, 65_535),
  size: SIZE,
  limit: SIZE,
  share: { anyOf: [{ const: 'off' }, { type: 'number', minimum: 0, maximum: 1 }] },
  timeout: DURATION,
  wait: DURATION,
  interval: { anyOf: [{ const: 'auto' }, DURATION] },
  age: DURATION,
  backoff: listOf(DURATION),
  syncInterval: TEXT,
  server: TEXT,
  servers: listOf(TEXT, 0),
  address: { type: 'string' },
  hostNames: listOf(TEXT, 0),
  httpToken: TEXT,
  deployName: TEXT,
  token: TEXT,
  subjectPrefix: TEXT,
  streamName: TEXT,
  subjects: listOf(TEXT),
  from: {
    anyOf: [
      { enum: ['new', 'beginning'] },
      { type: 'object', properties: { since: DURATION }, required: ['since'], additionalProperties: false },
      {
        type: 'object',
        properties: { sequence: { type: 'integer', minimum: 1 } },
        required: ['sequence'],
        additionalProperties: false,
      },
    ],
  },
  settings: { type: ['object', 'null'] },
  streams: { type: 'array' },
};

/** Returns the JSON Schema of a config file, for editors: every key with its meaning, default and values. */
export function configJsonSchema(): JsonSchema {
  const { plugins, ...others } = schema;
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A config file of Jetplug',
    ...mapSchema(others),
    properties: {
      ...propertiesOf(others),
      // Every other key is a plugin's name.
      plugins: { ...mapSchema(plugins), additionalProperties: mapSchema(pluginSchema) },
    },
  };
}

/** A key without a value, such as `credentials:` above comments, is an empty map. */
function mapSchema(map: SchemaMap): JsonSchema {
  return { type: ['object', 'null'], properties: propertiesOf(map), additionalProperties: false };
}

function propertiesOf(map: SchemaMap): JsonSchema {
  return Object.fromEntries(
    Object.entries(map).map(([key, node]) => [key, isLeaf(node) ? leafSchema(node) : mapSchema(node)]),
  );
}

function leafSchema(leaf: Leaf): JsonSchema {
  const values = typeof leaf.format === 'string' ? FORMATS[leaf.format] : { enum: leaf.format };
  return {
    description: leaf.doc,
    ...values,
    ...(leaf.children && { items: entrySchema(leaf.children) }),
    ...(leaf.default !== null && !leaf.children && { default: leaf.default }),
  };
}

/** The schema of one entry of a list of maps. */
function entrySchema(children: SchemaMap): JsonSchema {
  const isRequired = (node: Leaf | SchemaMap): boolean => isLeaf(node) && node.default === null && !node.nullable;
  const required = Object.keys(children).filter((key) => isRequired(children[key]!));
  return { ...mapSchema(children), type: 'object', required };
}
