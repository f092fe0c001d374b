import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';
import type { Decoded } from '../../../host/message/decode';
import type { Invalid } from '../../../host/message/outcome';
import { validateStored } from '../../../host/message/upcast';
import type { Validated } from '../../../host/message/validate';

const ENVELOPE = { event_type: 'user.renamed', event_id: 'e1', timestamp: '2026-05-12T12:00:00.000Z' };
const schema = z.object({ user_id: z.string().min(1), names: z.array(z.string()).default([]) });

function decoded(fields: Record<string, unknown>, event_type = ENVELOPE.event_type): Decoded {
  return { kind: 'decoded', envelope: { ...ENVELOPE, event_type }, fields, hops: 0 };
}

/** Validates fields by a contract with this upcast. */
function judge(fields: Record<string, unknown>, upcast: unknown): Promise<Validated | Invalid> {
  const contract = defineEvent('user.renamed', schema, { upcast: upcast as never });
  return Promise.resolve(validateStored(decoded(fields), contract));
}

async function refusal(upcast: unknown): Promise<string> {
  const result = (await judge({ user: 'u1' }, upcast)) as Invalid;
  expect(result).toMatchObject({ kind: 'invalid', reason: 'schema' });
  return result.error.message;
}

test('an event that does not fit is converted and validated again, with the defaults of the schema', async () => {
  const result = await judge({ user: 'u1' }, (old: { user: string }) => ({ user_id: old.user }));
  expect(result).toMatchObject({ isUpcast: true, event: { ...ENVELOPE, user_id: 'u1', names: [] } });
});

test('an event that fits is not converted', async () => {
  const upcast = jest.fn();
  const result = await judge({ user_id: 'u1' }, upcast);
  expect(result).toMatchObject({ kind: 'validated', event: { user_id: 'u1' } });
  expect(result).not.toHaveProperty('isUpcast');
  expect(upcast).not.toHaveBeenCalled();
});

test('the function gets a copy of the fields, which it may change', async () => {
  const fields = { user: 'u1', names: ['a'] };
  const contract = defineEvent('user.renamed', schema, {
    upcast: (old) => {
      (old['names'] as string[]).push('b');
      return Object.assign(old, { user_id: old['user'] }) as never;
    },
  });
  expect(await validateStored(decoded(fields), contract)).toMatchObject({
    event: { user_id: 'u1', names: ['a', 'b'] },
  });
  expect(fields).toEqual({ user: 'u1', names: ['a'] });
});

test('an event that does not fit after the conversion either is refused with both reasons', async () => {
  const reason = await refusal((old: object) => ({ ...old, user_id: '' }));
  expect(reason).toMatch(/^user_id: .*expected string.*; after the upcast: user_id: Too small/);
});

test('an error of the function is the reason, with its stack', async () => {
  const failing = (): never => {
    throw new TypeError('no user');
  };
  expect(await refusal(failing)).toMatch(/^user_id: .*; the upcast threw: no user$/);
  expect(((await judge({}, failing)) as Invalid).error.cause).toMatchObject({ name: 'TypeError' });
});

test.each([
  ['a promise', 'the upcast returned a promise', async () => Promise.reject(new Error('late'))],
  ['nothing', 'the upcast did not return an object', () => undefined],
  ['a list', 'the upcast did not return an object', () => [{ user_id: 'u1' }]],
  ['a text', 'the upcast did not return an object', () => 'u1'],
])('a function that returns %s is refused', async (_what, why, upcast) => {
  expect(await refusal(upcast)).toMatch(new RegExp(`; ${why}$`));
});

test('an event of another type is refused without a conversion', async () => {
  const upcast = jest.fn();
  const contract = defineEvent('user.renamed', schema, { upcast });
  expect(await validateStored(decoded({}, 'user.added'), contract)).toMatchObject({ reason: 'invalid-envelope' });
  expect(upcast).not.toHaveBeenCalled();
});

test('an event is converted also if the schema is asynchronous', async () => {
  const later = schema.refine(async ({ user_id }) => Promise.resolve(user_id !== 'nobody'));
  const contract = defineEvent('user.renamed', later, { upcast: (old) => ({ user_id: String(old['user']) }) });
  expect(await validateStored(decoded({ user: 'u1' }), contract)).toMatchObject({ isUpcast: true });
  expect(await validateStored(decoded({ user: 'nobody' }), contract)).toMatchObject({ reason: 'schema' });
});

test('a getter in place of the function that throws is an error of the author, too', async () => {
  class Hostile extends defineEvent('user.renamed', schema) {
    static override get upcast(): never {
      throw new Error('hostile');
    }
  }
  const result = await validateStored(decoded({}), Hostile);
  expect(result).toMatchObject({ reason: 'schema', error: { message: expect.stringMatching(/threw: hostile$/) } });
});

test('an upcast that is no function is refused where the contract is defined', () => {
  const define = (): unknown => defineEvent('user.renamed', schema, { upcast: {} as never });
  expect(define).toThrow('defineEvent("user.renamed"): its upcast is no function');
});
