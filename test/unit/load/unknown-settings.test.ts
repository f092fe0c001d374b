import { z } from 'zod';
import { unknownSetting } from '../../../host/load/unknown-settings';

async function unknown(schema: z.ZodType, given: unknown) {
  const result = await schema['~standard'].validate(given);
  if (result.issues) throw new Error('the settings of this test are valid');
  return unknownSetting(schema, given, result.value);
}

const SCHEMA = z.object({
  top: z.number().default(10),
  ml: z.object({ url: z.string(), wait: z.coerce.number().default(5) }).optional(),
  rules: z.array(z.object({ at: z.number() })).default([]),
});

test.each([
  ['at the top', { topp: 3 }, ['topp'], ['top', 'rules']],
  ['in a map', { ml: { url: 'x', weit: 3 } }, ['ml', 'weit'], ['url', 'wait']],
  ['in a map of a list', { rules: [{ at: 1 }, { at: 2, then: 'x' }] }, ['rules', 1, 'then'], ['at']],
])('a key that the schema does not have is found %s, with those that it has', async (_, given, path, known) => {
  expect(await unknown(SCHEMA, given)).toEqual({ path, known });
});

test.each([
  [
    'the keys that the schema has, also with their default values',
    SCHEMA,
    { top: 10, ml: { url: 'x', wait: 5 }, rules: [{ at: 1 }] },
  ],
  [
    'a key that a transform takes and renames',
    z.object({ ms: z.number() }).transform(({ ms }) => ({ wait: ms })),
    { ms: 5 },
  ],
  ['a key that a transform coerces and drops', z.object({ n: z.coerce.number() }).transform(() => ({})), { n: 1 }],
  ['any key, where the schema passes all on', z.looseObject({ top: z.number() }), { top: 1, more: 2 }],
  ['any key of a record', z.record(z.string(), z.number()), { a: 1 }],
  ['a list', z.array(z.string()), ['a']],
])('%s are no unknown setting', async (_, schema, given) => {
  expect(await unknown(schema, given)).toBeUndefined();
});
