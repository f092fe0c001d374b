import { rateOf } from '../../../host/load/rate';
import type { SubscribeOptions } from '../../../sdk/internal';

const FORM = "; write rate as { events: 100, per: '1s' }";

function messageOf(rate: unknown, batch?: SubscribeOptions['batch']): string {
  try {
    return JSON.stringify(rateOf({ rate, batch } as SubscribeOptions));
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

test('a rate is read in milliseconds, and no rate is no limit', () => {
  expect(rateOf({ rate: { events: 100, per: '1s' } })).toEqual({ events: 100, perMs: 1_000 });
  expect(rateOf({ rate: { events: 1_000_000, per: '1h' }, batch: { size: 10 } })).toEqual({
    events: 1_000_000,
    perMs: 3_600_000,
  });
  expect(rateOf({})).toBeUndefined();
});

test.each([
  [100, `JP_HANDLER_OPTIONS: rate is 100${FORM}`],
  [null, `JP_HANDLER_OPTIONS: rate is null${FORM}`],
  [{ events: 0, per: '1s' }, 'JP_HANDLER_OPTIONS: rate.events is 0, not a whole number of at least 1'],
  [{ per: '1s' }, 'JP_HANDLER_OPTIONS: rate.events is undefined, not a whole number of at least 1'],
  [{ events: 1_000_001, per: '1s' }, `JP_HANDLER_OPTIONS: rate.events is 1000001, more than 1,000,000${FORM}`],
  [{ events: 1, per: 1_000 }, 'JP_DURATION_INVALID: rate.per is 1000, a number without a unit'],
  [{ events: 1, per: '0s' }, `JP_HANDLER_OPTIONS: rate.per is 0s${FORM}`],
  [
    { events: 1, per: '1d' },
    `JP_HANDLER_OPTIONS: rate.per is 1d; it is at most 1h, because a host that takes over waits for so long${FORM}`,
  ],
  [{ events: 1, per: '1s', burst: 2 }, 'JP_HANDLER_OPTIONS: @Subscribe has no option "rate.burst"; it has events, per'],
])('refuses the rate %j', (rate, message) => {
  expect(messageOf(rate)).toBe(message);
});

test('refuses a rate without its length of time, and one that no full batch fits', () => {
  expect(messageOf({ events: 1 })).toMatch(/^JP_DURATION_INVALID/);
  expect(messageOf({ events: 5, per: '1s' }, { size: 6 })).toBe(
    `JP_HANDLER_OPTIONS: batch.size is 6, more than the 5 events of rate, so no full batch could begin${FORM}`,
  );
});
