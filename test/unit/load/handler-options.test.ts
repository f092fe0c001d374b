import { HANDLER_OPTIONS, runOptionsOf, type HandlerOptions } from '../../../host/load/handler-options';
import type { HandlerMark, SubscribeOptions } from '../../../sdk/internal';

function mark(options: SubscribeOptions): HandlerMark {
  return { method: 'handle', target: { kind: 'parameter' }, options };
}

test('the config may overrule an option of the decorator, and the option’s layer names the source of its value', () => {
  const { run, layerOf } = runOptionsOf(mark({ timeout: '1s', concurrency: 2 }), {
    section: { timeoutMs: 500 },
    defaults: { concurrency: 4, retry: { attempts: 9 } },
  });
  expect(run).toMatchObject({ timeoutMs: 500, concurrency: 2, retry: { attempts: 9 } });
  expect(layerOf).toMatchObject({ timeout: 'section', concurrency: 'decorator', 'retry.attempts': 'defaults' });
});

test('an invalid duration of the decorator is refused, also where the config overrules it', () => {
  const options = { timeout: 'soon' } as unknown as SubscribeOptions;
  expect(() => runOptionsOf(mark(options), { section: { timeoutMs: 1 }, defaults: {} })).toThrow(
    expect.objectContaining({ code: 'JP_DURATION_INVALID' }),
  );
});

test('every option has a layer, and a value in the units that people write', () => {
  const { run, layerOf } = runOptionsOf(mark({}), { section: { from: { since: 90_000 } }, defaults: {} });
  const options: HandlerOptions = {
    ...run,
    key: undefined,
    batch: { size: 2, waitMs: 1_000 },
    rate: { events: 100, perMs: 60_000 },
    durable: 'd',
  };
  const shown = Object.entries(HANDLER_OPTIONS).map(([name, option]) => [name, option.show(options)]);
  expect(Object.fromEntries(shown)).toEqual({
    from: { since: '90s' },
    concurrency: 8,
    timeout: '30s',
    'retry.attempts': 5,
    'retry.backoff': ['1s', '5s', '30s', '2m'],
    key: null,
    batch: { size: 2, wait: '1s' },
    rate: { events: 100, per: '1m' },
    durable: 'd',
  });
  expect(Object.keys(layerOf)).toEqual(Object.keys(HANDLER_OPTIONS));
});
