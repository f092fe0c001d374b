import { rateOf } from '../../../host/load/rate';
import type { HandlerMark, JetplugError, SubscribeOptions } from '../../../sdk/internal';

const FORM = "write rate as { events: 100, per: '1s' }";

const mark = (options: unknown): HandlerMark => ({ method: 'handle', options }) as HandlerMark;

function refusal(rate: unknown, batch?: SubscribeOptions['batch']): JetplugError {
  try {
    rateOf(mark({ rate, batch }));
  } catch (error) {
    return error as JetplugError;
  }
  throw new Error('the rate is accepted');
}

test('a rate is read in milliseconds, and no rate is no limit', () => {
  expect(rateOf(mark({ rate: { events: 100, per: '1s' } }))).toEqual({ events: 100, perMs: 1_000 });
  expect(rateOf(mark({ rate: { events: 1, per: '1ms' } }))).toEqual({ events: 1, perMs: 1 });
  expect(rateOf(mark({ rate: { events: 1_000_000, per: '1h' }, batch: { size: 10 } }))).toEqual({
    events: 1_000_000,
    perMs: 3_600_000,
  });
  expect(rateOf(mark({}))).toBeUndefined();
});

test.each([
  [100, `JP_HANDLER_OPTIONS: handle: rate is 100; ${FORM}`],
  [null, `JP_HANDLER_OPTIONS: handle: rate is null; ${FORM}`],
  [{ events: 0, per: '1s' }, 'JP_HANDLER_OPTIONS: handle: rate.events is 0, not a whole number of at least 1'],
  [{ per: '1s' }, 'JP_HANDLER_OPTIONS: handle: rate.events is undefined, not a whole number of at least 1'],
  [{ events: 1_000_001, per: '1s' }, 'JP_HANDLER_OPTIONS: handle: rate.events is 1000001; it is at most 1,000,000'],
  [{ events: 1 }, `JP_HANDLER_OPTIONS: handle: rate.per is missing; ${FORM}`],
  [{ events: 1, per: 1_000 }, 'JP_DURATION_INVALID: handle: rate.per is 1000, a number without a unit'],
  [{ events: 1, per: 'soon' }, 'JP_DURATION_INVALID: handle: rate.per is "soon", which is not a length of time'],
  [{ events: 1, per: '0s' }, 'JP_HANDLER_OPTIONS: handle: rate.per is 0s; it is at least 1ms'],
  [
    { events: 1, per: '2h' },
    'JP_HANDLER_OPTIONS: handle: rate.per is 2h; it is at most 1h, because a host that takes over waits for one per first',
  ],
  [{ events: 1, per: '1s', burst: 2 }, 'JP_HANDLER_OPTIONS: @Subscribe has no option "rate.burst"; it has events, per'],
])('refuses the rate %j', (rate, message) => {
  const { code, message: said } = refusal(rate);
  expect(`${code}: ${said}`).toBe(message);
});

test('a batch that its rate never lets begin is refused, with the two ways out', () => {
  expect(refusal({ events: 5, per: '1s' }, { size: 6 })).toMatchObject({
    code: 'JP_HANDLER_OPTIONS',
    message: 'handle: batch.size is 6, more than the 5 events of rate, so no full batch could begin',
    hint: 'Lower batch.size, or raise rate.events.',
  });
  expect(rateOf(mark({ rate: { events: 5, per: '1s' }, batch: { size: 5 } }))).toEqual({ events: 5, perMs: 1_000 });
});
