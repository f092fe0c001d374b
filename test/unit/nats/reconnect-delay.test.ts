import { ReconnectDelay } from '../../../host/nats/reconnect-delay';

test('a lost server is tried two to four times a second', () => {
  const { ms } = new ReconnectDelay();
  expect(ms).toBeGreaterThanOrEqual(250);
  expect(ms).toBeLessThanOrEqual(500);
});

test('each refused login doubles the wait, up to 5 s; a connection resets it', () => {
  const delay = new ReconnectDelay();
  const waits = Array.from({ length: 20 }, () => {
    delay.refused();
    return delay.ms;
  });
  for (const [n, ms] of waits.entries()) {
    const base = Math.min(250 * 2 ** (n + 1), 5_000);
    expect(ms).toBeGreaterThanOrEqual(base);
    expect(ms).toBeLessThanOrEqual(base + 250);
  }
  delay.connected();
  expect(delay.ms).toBeLessThanOrEqual(500);
});

test('the wait does not change without a refusal, as the client reads it several times', () => {
  const delay = new ReconnectDelay();
  delay.refused();
  expect(new Set(Array.from({ length: 50 }, () => delay.ms)).size).toBe(1);
});
