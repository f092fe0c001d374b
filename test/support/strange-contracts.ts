import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';
import type { EventContract } from '../../sdk/internal';
import type { JsonSchema } from '../../host/load/json-schema';

const node: z.ZodType = z.object({
  name: z.string(),
  get children() {
    return z.array(node).optional();
  },
});

/** The JSON Schema that another validator returns. */
function returned(subject: string, schema: JsonSchema): EventContract {
  const validate = (value: unknown) => ({ value });
  const standard = { version: 1, vendor: 'other', validate, jsonSchema: { input: () => schema } };
  return defineEvent(subject, { '~standard': standard } as never);
}

/** Contracts whose schemas are hard to put into another document, by name. */
export const STRANGE: Readonly<Record<string, EventContract>> = {
  Itself: defineEvent('s.itself', node as never),
  Tree: defineEvent('s.tree', z.strictObject({ root: node, other: node })),
  Closed: defineEvent('s.closed', z.strictObject({ a: z.string() })),
  OneOf: defineEvent(
    's.one_of',
    z.union([z.strictObject({ a: z.string() }), z.record(z.enum(['x', 'y']), z.number())]) as never,
  ),
  Dates: defineEvent('s.dates', z.object({ at: z.date(), big: z.bigint(), n: z.number().max(Infinity) }) as never),
  Named: defineEvent('s.named', z.object({ id: z.string().meta({ id: 'an id/with ~ in it' }) })),
  Fields: defineEvent('s.fields', z.object({ $ref: z.string(), $id: z.string(), default: z.string() })),
  Texts: defineEvent('s.texts', z.object({ t: z.string().default('\u001b[31m\u009b2J\u007f') })),
  Elsewhere: returned('s.elsewhere', {
    $id: 'http://127.0.0.1:1/a',
    type: 'object',
    properties: { a: { $ref: 'http://127.0.0.1:1/b' }, b: { $ref: '#/properties/c' }, c: { type: 'string' } },
    default: { $ref: '#/c' },
  }),
  Reference: returned('s.reference', { $ref: '#/$defs/it', $defs: { it: { type: 'object', required: ['a'] } } }),
  Loop: returned('s.loop', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } }),
};
