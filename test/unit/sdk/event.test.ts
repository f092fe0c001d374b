import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';
import { isEventContract } from '../../../sdk/internal';

const schema = z.object({ user_id: z.string() });
const ENVELOPE = { event_type: 'a.b', event_id: 'e1', timestamp: '2026-05-12T12:00:00.000Z' };

test('a contract is a class with its subject and schema, and instances with the event’s fields', () => {
  class Happened extends defineEvent('a.b', schema) {}
  expect([Happened.subject, Happened.schema]).toEqual(['a.b', schema]);
  expect(isEventContract(Happened)).toBe(true);
  expect(new Happened({ ...ENVELOPE, user_id: 'u1' })).toEqual({ ...ENVELOPE, user_id: 'u1' });
});

test('two contracts with the same schema are different classes', () => {
  const [One, Two] = [defineEvent('a', schema), defineEvent('b', schema)];
  expect([One.subject, Two.subject]).toEqual(['a', 'b']);
  expect(new One({ ...ENVELOPE, user_id: 'u1' })).not.toBeInstanceOf(Two);
});

test.each(['', 'a.*', '>', 'a b', 'a\r\nb'])('the subject %j is refused when the contract is made', (subject) => {
  expect(() => defineEvent(subject, schema)).toThrow(expect.objectContaining({ code: 'JP_SUBJECT_INVALID' }));
});

test.each([undefined, null, {}, { n: z.number() }, { '~standard': {} }])('the schema %p is refused', (wrong) => {
  const message = 'defineEvent("a.b"): its schema is no Standard Schema';
  expect(() => defineEvent('a.b', wrong as never)).toThrow(
    expect.objectContaining({ code: 'JP_CONTRACT_INVALID', message }),
  );
});

test.each([undefined, null, 'a.b', {}, { subject: 'a.b', schema }, class {}, Object, Array])(
  '%p is no contract',
  (value) => {
    expect(isEventContract(value)).toBe(false);
  },
);

test('a contract of another copy of the SDK is recognised by its mark', () => {
  expect(isEventContract(Object.assign(class {}, { [Symbol.for('jetplug.event')]: true }))).toBe(true);
});
