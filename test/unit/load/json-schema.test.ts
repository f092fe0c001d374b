/** The JSON Schemas of contracts, also of those that JSON Schema cannot express. */
import { z } from 'zod';
import { fieldsSchemaOf } from '../../../host/load/json-schema';

/** A schema of a validator that is not zod. */
function foreign(jsonSchema?: object, vendor = 'other') {
  return { '~standard': { version: 1, vendor, validate: (value: unknown) => ({ value }), jsonSchema } } as never;
}

const returning = (schema: unknown) => foreign({ input: () => schema });

test('a zod schema is described as it is published, before its defaults and transforms', () => {
  const schema = z.object({ id: z.string().min(1), n: z.int().default(3), t: z.string().transform((t) => t.length) });
  expect(fieldsSchemaOf(schema)).toEqual({
    schema: {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: {
        id: { type: 'string', minLength: 1 },
        n: { type: 'integer', minimum: -9007199254740991, maximum: 9007199254740991, default: 3 },
        t: { type: 'string' },
      },
      required: ['id', 't'],
    },
    notes: [],
  });
});

test('a recursive schema refers to itself', () => {
  const node: z.ZodType = z.object({
    get children() {
      return z.array(node);
    },
  });
  expect(fieldsSchemaOf(node).schema).toMatchObject({
    properties: { children: { type: 'array', items: { $ref: '#' } } },
  });
});

test('types that JSON lacks are left out, each with a note', () => {
  const schema = z
    .object({ at: z.date(), big: z.bigint(), none: z.undefined(), 'a/b': z.map(z.string(), z.number()) })
    .refine(() => true);
  expect(fieldsSchemaOf(schema)).toMatchObject({
    schema: { properties: { at: {}, big: {}, none: {}, 'a/b': {} } },
    notes: [
      '#/properties/at: Date cannot be represented in JSON Schema',
      '#/properties/big: BigInt cannot be represented in JSON Schema',
      '#/properties/none: Undefined cannot be represented in JSON Schema',
      '#/properties/a~1b: Map cannot be represented in JSON Schema',
      '#: a custom check cannot be represented in JSON Schema',
    ],
  });
});

test('a limit that is no JSON number is left out, and every other number stays exact', () => {
  const schema = z.object({ n: z.number().max(Infinity), big: z.number().max(1e308), small: z.number().min(5e-324) });
  const { schema: written, notes } = fieldsSchemaOf(schema);
  expect(written['properties']).toEqual({
    n: { type: 'number' },
    big: { type: 'number', maximum: 1e308 },
    small: { type: 'number', minimum: 5e-324 },
  });
  expect(notes).toEqual(['#/properties/n/maximum: the limit is no JSON number']);
});

test('a value of another validator that is no JSON is left out', () => {
  const values = { type: 'object', const: 5n, maximum: NaN, title: undefined, examples: [Infinity, 1] };
  const { schema, notes } = fieldsSchemaOf(returning(values));
  expect(schema).toEqual({ type: 'object', examples: [1] });
  expect(notes).toHaveLength(3);
});

const loop: Record<string, unknown> = {};
loop['loop'] = loop;
const endless = (): z.ZodType =>
  z.object({
    get next() {
      return endless();
    },
  });

test.each([
  ['offers no JSON Schema', foreign(), 'the validator other offers no JSON Schema'],
  ['throws', foreign({ input: () => Promise.reject.call(undefined) }), 'the validator cannot express it'],
  ['returns a text', returning('no'), 'the validator returned no JSON Schema object'],
  ['returns a circular value', returning(loop), 'nested deeper than 100 levels'],
  ['is no validator', {} as never, 'the validator cannot express it'],
  ['never ends', endless(), 'Maximum call stack size exceeded'],
])('a schema that %s becomes an open object', (_, schema, reason) => {
  expect(fieldsSchemaOf(schema)).toEqual({
    schema: { type: 'object' },
    notes: [expect.stringContaining(reason) as unknown],
  });
});
