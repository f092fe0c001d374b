import { BatchFailure, Reject, RetryLater } from 'jetplug/sdk';
import { OutcomeKnown, SETTLED_BEFORE } from '../../../host/message/outcome';
import { readThrown } from '../../../host/message/read-thrown';
import { decodeError, encodeError, type WireError } from '../../../host/isolation/wire-error';
import { HOSTILE } from '../../support/hostile-values';

const values = Object.entries(HOSTILE);

test.each(values)('%s is read, and sent between processes, as plain JSON', (_, make) => {
  const record = readThrown(make());
  expect(typeof record.kind).toBe('string');
  const text = JSON.stringify(encodeError(make()));
  expect(text.length).toBeLessThan(150_000);
  // The kind survives the encoding. A value that is no error arrives as its text.
  expect(readThrown(decodeError(JSON.parse(text) as WireError)).kind).toBe(record.kind);
});

test('errors of the SDK are recognised by their marks', () => {
  expect(readThrown(new Reject('never'))).toMatchObject({ kind: 'reject', error: { message: 'never' } });
  expect(readThrown(new RetryLater('10m'))).toMatchObject({ kind: 'retry-later', delayMs: 600_000 });
  expect(readThrown(new OutcomeKnown(SETTLED_BEFORE))).toEqual({ kind: 'known', outcome: SETTLED_BEFORE });
  expect(readThrown('text')).toEqual({ kind: 'value', value: 'text', shown: "'text'" });
  expect(readThrown(new BatchFailure([{ index: 1, error: new Reject('bad') }]))).toMatchObject({
    kind: 'batch',
    failures: [{ index: 1, thrown: { kind: 'reject' } }],
  });
});

test.each(['a proxy that answers true to all', 'the mark of an error of the catalogue'])(
  '%s is no error of the SDK',
  (name) => {
    expect(readThrown(HOSTILE[name]!()).kind).toBe('value');
  },
);

test.each(['a delay that is no number', 'a delay that is infinite', 'a delay below zero', 'a delay that throws'])(
  '%s is an error of the handler',
  (name) => {
    expect(readThrown(HOSTILE[name]!())).toMatchObject({ kind: 'jetplug', error: { code: 'JP_DURATION_INVALID' } });
  },
);

test('a delay is at most a hundred years, as nanoseconds must fit 64 bits', () => {
  const record = readThrown(new RetryLater('1000000d'));
  expect(record).toMatchObject({ kind: 'retry-later', delayMs: 100 * 365 * 86_400_000 });
});
