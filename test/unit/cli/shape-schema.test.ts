import fc from 'fast-check';
import { z } from 'zod';
import { ValueShape } from '../../../host/cli/event-shape';
import { notesOf, schemaOf } from '../../../host/cli/shape-schema';
import { parseObject } from '../../../host/message/parse-object';

function shapeOf(samples: readonly object[]): ValueShape {
  const shape = new ValueShape();
  for (const sample of samples) shape.add(sample);
  return shape;
}

/** The schema as the contract's file would have it. */
function schemaFrom(samples: readonly object[]): z.ZodType {
  const text = schemaOf(shapeOf(samples), '');
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the text of a schema is run, as a contract's file is
  return (new Function('z', `return ${text}`) as (zod: typeof z) => z.ZodType)(z);
}

/** The text of the only field `x`, inferred from these values. */
function fieldOf(...values: unknown[]): string {
  const text = schemaOf(shapeOf(values.map((x) => ({ x }))), '');
  return /^ {2}x: ([^]*),\n\}\)$/m.exec(text)![1]!;
}

function times<T>(count: number, ...values: T[]): T[] {
  return Array.from({ length: count }, () => values).flat();
}

/** Values that look alike, so that formats, enums, maps and unions come up. */
const leaf = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('new', 'paid', 'sent', '', "it's \\ `${x}`"),
  fc.uuid(),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.emailAddress(),
  fc.webUrl(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const name = fc.oneof(fc.constantFrom('id', 'state', 'amount', 'lines', 'toString', 'constructor'), fc.string());
const sample = fc.dictionary(
  name,
  fc.oneof(leaf, fc.array(leaf, { maxLength: 4 }), fc.dictionary(name, leaf, { maxKeys: 8 })),
  { maxKeys: 6 },
);

/** The samples that a handler could get: the host refuses some keys and numbers. */
function received(samples: readonly object[]): object[] {
  return samples.flatMap((each) => {
    const parsed = parseObject(JSON.stringify(each), 64);
    return 'kind' in parsed ? [] : [parsed.value];
  });
}

it('infers a schema that all samples fit, for any JSON objects', () => {
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 60 }), (samples) => {
      const events = received(samples);
      const schema = schemaFrom(events);
      for (const event of events) expect(schema.safeParse(event).error).toBeUndefined();
    }),
    { numRuns: 100 },
  );
});

it('infers a schema that all samples fit also where objects are maps', () => {
  const maps = fc.array(fc.dictionary(fc.string({ minLength: 3 }), leaf, { minKeys: 5, maxKeys: 12 }), {
    minLength: 20,
    maxLength: 30,
  });
  fc.assert(
    fc.property(maps, (values) => {
      const events = received(values.map((prices) => ({ prices })));
      const schema = schemaFrom(events);
      for (const event of events) expect(schema.safeParse(event).error).toBeUndefined();
    }),
    { numRuns: 30 },
  );
});

it.each([
  ['z.boolean()', [true, false]],
  ['z.int()', [1, -2, 9_007_199_254_740_991]],
  ['z.number()', [1, 2.5]],
  ['z.number()', [2 ** 60]],
  ['z.string()', ['a', '']],
  ['z.uuid()', ['0f8fad5b-d9cb-469f-a165-70867728950e']],
  ['z.iso.datetime()', ['2026-05-12T12:00:00Z', '2026-05-12T12:00:00.123Z']],
  ['z.iso.datetime({ offset: true })', ['2026-05-12T12:00:00Z', '2026-05-12T12:00:00+02:00']],
  ['z.iso.date()', ['2026-05-12']],
  ['z.email()', ['someone@example.org']],
  ['z.url()', ['https://example.org/a?b=c']],
  ['z.string()', ['order:17', 'order:18']],
  ['z.string()', ['someone@example.org', 'nobody']],
  ['z.unknown()', [null]],
  ['z.int().nullable()', [1, null]],
  ['z.union([z.int(), z.string()])', [1, 'one']],
  ['z.union([z.boolean(), z.int()]).nullable()', [1, true, null]],
  ['z.array(z.unknown())', [[]]],
  ['z.array(z.union([z.int(), z.string()]))', [[1], ['a']]],
  ['z.object({})', [{}]],
])('infers %s from %j', (expected, values) => {
  expect(fieldOf(...values)).toBe(expected);
});

it('takes few different texts among many samples for an enum, and says so', () => {
  const values = times(20, 'paid', 'new');
  expect(fieldOf(...values)).toBe("z.enum(['new', 'paid'])");
  expect(notesOf(shapeOf(values.map((state) => ({ state }))))).toEqual([
    { field: 'state', note: 'an enum of the texts in 40 values' },
  ]);
});

it.each([
  ['few samples', times(10, 'paid', 'new')],
  ['only one text', times(100, 'EUR')],
  ['a text that came once', [...times(20, 'paid', 'new'), 'lost']],
  ['many texts', times(5, ...Array.from({ length: 13 }, (_, i) => `text ${i}`))],
  ['a text that is no word', times(20, 'paid', 'a\nb')],
])('takes %s for no enum', (_case, values) => {
  expect(fieldOf(...values)).toBe('z.string()');
});

it.each(['id', 'user_id', 'userId', 'api-key', 'first_name'])('takes the field %s for no enum', (field) => {
  const text = schemaOf(shapeOf(times(20, { [field]: 'u1' }, { [field]: 'u2' })), '');
  expect(text).toContain('z.string()');
});

it('describes optional fields, nested objects and the items of arrays, each with a comment where they differ', () => {
  const samples = [
    { id: 1, lines: [{ n: 1, note: 'a' }, { n: 2 }], 'the-key': null },
    { id: 2, lines: [], address: { city: 'Bern' }, 'the-key': 'x' },
    { id: 'three', lines: [{ n: 3 }], 'the-key': 'y' },
  ];
  expect(schemaOf(shapeOf(samples), '  ')).toBe(`z.object({
    // number 2, string 1
    id: z.union([z.int(), z.string()]),
    lines: z.array(z.object({
      n: z.int(),
      // in 1 of 3
      note: z.string().optional(),
    })),
    // null 1, string 2
    "the-key": z.string().nullable(),
    // in 1 of 3
    address: z.object({
      city: z.string(),
    }).optional(),
  })`);
  expect(notesOf(shapeOf(samples))).toEqual([
    { field: 'id', note: 'number 2, string 1' },
    { field: 'lines[].note', note: 'in 1 of 3' },
    { field: 'the-key', note: 'null 1, string 2' },
    { field: 'address', note: 'in 1 of 3' },
  ]);
});

it('takes an object with many names, of which each sample has only some, for a map', () => {
  const samples = Array.from({ length: 50 }, (_, i) => ({ prices: { [`v${i}`]: i, [`w${i}`]: i + 0.5 } }));
  expect(schemaOf(shapeOf(samples), '')).toBe(`z.object({
  prices: z.record(z.string(), z.number()),
})`);
});
