import { BatchFailure, Reject, RetryLater } from '../../../sdk';
import { isBatchFailure, isJetplugError, isReject, isRetryLater, JetplugError } from '../../../sdk/internal';
import { invalid, OutcomeKnown } from '../../../host/message/outcome';
import { decodeError, encodeError, type WireError } from '../../../host/isolation/wire-error';

/** The error after its transfer through the channel between the processes. */
function sent(thrown: unknown): unknown {
  return decodeError(JSON.parse(JSON.stringify(encodeError(thrown))) as WireError);
}

test('an error keeps its name, message, stack and causes', () => {
  const cause = new RangeError('inner');
  const error = new TypeError('outer', { cause });
  const arrived = sent(error) as Error;
  expect(arrived).toBeInstanceOf(Error);
  expect(arrived).toMatchObject({ name: 'TypeError', message: 'outer', stack: error.stack });
  expect(arrived.cause).toMatchObject({ name: 'RangeError', message: 'inner', stack: cause.stack });
});

test('Reject, RetryLater and BatchFailure keep their meaning when a handler throws them in a plugin process', () => {
  const rejected = sent(new Reject('never'));
  expect(isReject(rejected) && rejected.message).toBe('never');
  const later = sent(new RetryLater('10m', 'soon'));
  expect(isRetryLater(later) && [later.delayMs, later.message]).toEqual([600_000, 'soon']);
  const batch = sent(
    new BatchFailure([
      { index: 2, error: new Reject('bad') },
      { index: 0, error: 'text' },
    ]),
  );
  if (!isBatchFailure(batch)) throw new Error('it is none');
  expect(batch.failures.map(({ index }) => index)).toEqual([2, 0]);
  expect(isReject(batch.failures[0]!.error)).toBe(true);
  expect(batch.failures[1]!.error).toBe('text');
});

test('an error of the catalogue keeps its code and place', () => {
  const details = { plugin: 'badge', file: '/p/badge.plugin.ts', line: 7, hint: 'mend it' };
  const arrived = sent(new JetplugError('JP_STORE_UNAVAILABLE', 'gone', details));
  expect(isJetplugError(arrived)).toBe(true);
  expect(arrived).toMatchObject({ code: 'JP_STORE_UNAVAILABLE', message: 'gone', ...details });
});

test('the outcome that an event is invalid survives the transfer', () => {
  const outcome = sent(new OutcomeKnown(invalid('schema', 'user_id: missing')));
  expect(outcome).toBeInstanceOf(OutcomeKnown);
  expect((outcome as OutcomeKnown).outcome).toMatchObject({
    kind: 'invalid',
    reason: 'schema',
    error: { name: 'InvalidEvent', message: 'user_id: missing' },
  });
});

test.each([['text'], [7], [true], [null], [undefined]])('the thrown value %p arrives as it is', (value) => {
  expect(sent(value)).toBe(value);
});

test('a thrown object that is no error arrives as text, and a circle of causes is cut', () => {
  expect(sent({ a: 1n })).toBe('{ a: 1n }');
  const error = new Error('round');
  error.cause = error;
  expect(sent(error)).toMatchObject({ message: 'round', cause: { message: 'round' } });
});
