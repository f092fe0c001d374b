import { PullSilence } from '../../../host/nats/pull-silence';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const LIMIT_MS = 10_000;
const started = (): PullSilence => {
  const silence = new PullSilence(LIMIT_MS);
  silence.start();
  return silence;
};

test('a server that sends a sign of life between two checks is not silent', () => {
  const silence = started();
  for (let i = 0; i < 10; i++) {
    jest.advanceTimersByTime(LIMIT_MS);
    silence.hear();
    expect(silence.check()).toBeUndefined();
  }
});

test('a silence is reported from the limit on, and is new only once', () => {
  const silence = started();
  jest.advanceTimersByTime(LIMIT_MS - 1);
  expect(silence.check()).toBeUndefined();
  jest.advanceTimersByTime(1);
  expect(silence.check()).toEqual({ silentMs: LIMIT_MS, isNew: true });
  expect(silence.check()).toEqual({ silentMs: LIMIT_MS, isNew: false });
});

test('a second silence is new again after a sign of life', () => {
  const silence = started();
  jest.advanceTimersByTime(LIMIT_MS);
  silence.check();
  silence.hear();
  silence.check();
  jest.advanceTimersByTime(LIMIT_MS);
  expect(silence.check()).toEqual({ silentMs: LIMIT_MS, isNew: true });
});
