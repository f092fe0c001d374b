import { z } from 'zod';
import { jsonTokens } from '../../../page/lib/json-tokens';
import { Ring } from '../../../page/lib/ring';
import { fieldsOf, sampleOf } from '../../../page/lib/schema';

const CONTRACT = z.object({
  user_id: z.string().min(1).max(170),
  count: z.int().positive(),
  at: z.iso.datetime().optional(),
  state: z.enum(['on', 'off']),
  videos: z
    .array(z.object({ video_id: z.string(), watches: z.int() }))
    .min(1)
    .max(20),
  nested: z.object({ deep: z.boolean() }),
});
const SCHEMA = z.toJSONSchema(CONTRACT);

describe('a JSON Schema', () => {
  it('is listed as its fields, with limits in words', () => {
    const fields = Object.fromEntries(
      fieldsOf(SCHEMA).map(({ path, type, isRequired, note }) => [path, [type, isRequired, note]]),
    );
    expect(fields).toMatchObject({
      user_id: ['string', true, 'at most 170 characters'],
      count: ['integer', true, 'more than 0'],
      at: ['string', false, 'date-time'],
      state: ['string', true, 'one of "on", "off"'],
      videos: ['list of object', true, 'at most 20 items'],
      'videos[].watches': ['integer', true, ''],
      'nested.deep': ['boolean', true, ''],
    });
  });

  it('gives a sample that it accepts', () => {
    expect(CONTRACT.safeParse(sampleOf(SCHEMA)).success).toBe(true);
  });

  it('that contains itself without an end gives a bounded sample', () => {
    const tree: Record<string, unknown> = { type: 'object', required: ['child'] };
    tree['properties'] = { child: tree };
    expect(JSON.stringify(sampleOf(tree)).length).toBeLessThan(200);
    expect(fieldsOf(tree).length).toBeLessThan(20);
  });
});

describe('the tokens of JSON', () => {
  it('are the whole text', () => {
    const text = JSON.stringify({ a: [1, -2.5e3, true, null, 'x"y: 1'], 'b:c': {} }, null, 2);
    expect(
      jsonTokens(text)
        .map((token) => token.text)
        .join(''),
    ).toBe(text);
  });

  it('tell keys, texts, numbers and words apart', () => {
    const kinds = jsonTokens('{"a": "b", "c": 1, "d": true}').filter(({ kind }) => kind !== 'plain');
    expect(kinds.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      'key "a"',
      'string "b"',
      'key "c"',
      'number 1',
      'key "d"',
      'word true',
    ]);
  });
});

describe('a ring', () => {
  it('keeps the last values only', () => {
    const ring = new Ring(3);
    for (const value of [1, 2, 3, 4, 5]) ring.push(value);
    expect([ring.values, ring.last]).toEqual([[3, 4, 5], 5]);
  });
});
