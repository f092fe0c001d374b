import { isErrorCode, isJetplugError, JetplugError } from '../../../sdk/internal';
import { errorsIn, isErrorLike, plainError } from '../../../host/base/plain-error';
import { HOSTILE } from '../../support/hostile-values';

const values = Object.entries(HOSTILE);

test.each(values)('the copy of %s is an error of plain, bounded members', (_, make) => {
  const plain = plainError(make());
  expect(plain).toBeInstanceOf(Error);
  let depth = 0;
  for (let error: Error | undefined = plain; error; error = error.cause as Error | undefined) {
    depth++;
    expect([typeof error.name, typeof error.message, typeof error.stack]).toEqual(['string', 'string', 'string']);
    expect(error.name.length).toBeLessThan(300);
    expect(error.message.length).toBeLessThan(4_200);
    expect(error.stack!.length).toBeLessThan(17_000);
    for (const member of ['name', 'message', 'stack', 'cause', 'errors']) {
      expect(Object.getOwnPropertyDescriptor(error, member)?.get).toBeUndefined();
    }
  }
  expect(depth).toBeLessThan(8);
  expect(JSON.stringify(plain).length).toBeLessThan(30_000);
  expect(plainError(plain)).toBe(plain);
});

test.each(values)('collecting the errors that %s holds does not throw', (_, make) => {
  const errors = errorsIn(make());
  expect(errors.every((error) => error instanceof Error)).toBe(true);
});

test('an error keeps its name, message, stack, fields and causes', () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', errno: -111, socket: {} });
  const error = new TypeError('fetch failed', { cause });
  const plain = plainError(error);
  expect(plain).toBeInstanceOf(TypeError);
  expect(plain).toMatchObject({ name: 'TypeError', message: 'fetch failed', stack: error.stack });
  expect(plain.cause).toMatchObject({ message: cause.message, code: 'ECONNREFUSED', errno: -111, stack: cause.stack });
  expect(plain.cause).not.toHaveProperty('socket');
});

test('an error of the catalogue keeps its code, place and hint', () => {
  const details = { plugin: 'badge', file: '/p/badge.plugin.ts', line: 7, hint: 'mend it' };
  const plain = plainError(new JetplugError('JP_STORE_UNAVAILABLE', 'gone', { ...details, cause: new Error('inner') }));
  expect(isJetplugError(plain) && plain.toJSON()).toEqual({
    code: 'JP_STORE_UNAVAILABLE',
    message: 'gone',
    ...details,
  });
  expect(plain.cause).toMatchObject({ message: 'inner' });
});

test('an error with a code that is not in the catalogue does not become a catalogue error', () => {
  const plain = plainError(HOSTILE['an error of the catalogue, changed']!());
  expect(isJetplugError(plain)).toBe(false);
  expect(isErrorCode('toString')).toBe(false);
});

test('an error without a name of its own takes the name of its class', () => {
  class QuotaExceeded extends Error {}
  expect(plainError(new QuotaExceeded('x')).name).toBe('QuotaExceeded');
});

test('a long message is cut in the stack too, which keeps its frames', () => {
  const error = new Error('x'.repeat(1_000_000));
  const { stack, message } = plainError(error);
  expect(message).toMatch(/^x{4096}… \(1000000 characters\)$/);
  expect(stack).toContain('plain-error.test.ts');
});

test('the first ten errors of an aggregate are copied', () => {
  const plain = plainError(
    new AggregateError(Array.from({ length: 30 }, (_, i) => new Error(`no. ${i}`))),
  ) as AggregateError;
  expect((plain.errors as Error[]).map(({ message }) => message)).toEqual(
    Array.from({ length: 10 }, (_, i) => `no. ${i}`),
  );
});

test.each([
  ['an error', true],
  ['an error of another realm', true],
  ['a throwing message', true],
  ['a proxy of an error', true],
  ['a revoked proxy of an error', false],
  ['throwing traps', false],
  ['undefined', false],
])('%s is an error: %p', (name, expected) => {
  expect(isErrorLike(HOSTILE[name]!())).toBe(expected);
});
