import { JetplugError } from '../../../sdk/internal';
import { patiently } from '../../../host/nats/connect';

const failure = (code: 'JP_BROKER_UNREACHABLE' | 'JP_BROKER_NO_QUORUM' | 'JP_BROKER_AUTH' | 'JP_BROKER_TLS') =>
  new JetplugError(code, 'x');

test.each(['JP_BROKER_UNREACHABLE', 'JP_BROKER_NO_QUORUM'] as const)(
  '%s is retried, and reported once in some seconds for any number of tries',
  async (code) => {
    const reported: string[] = [];
    let tries = 0;
    const once = async (): Promise<string> => {
      if (++tries <= 3) throw failure(code);
      return 'connected';
    };
    expect(await patiently({ patienceMs: 10_000, waiting: (error) => reported.push(error.code) }, once)).toBe(
      'connected',
    );
    expect(tries).toBe(4);
    expect(reported).toEqual([code]);
  },
);

test.each(['JP_BROKER_AUTH', 'JP_BROKER_TLS'] as const)(
  '%s fails at once, as it does not pass by itself',
  async (code) => {
    const waiting = jest.fn();
    await expect(patiently({ patienceMs: 10_000, waiting }, () => Promise.reject(failure(code)))).rejects.toMatchObject(
      { code },
    );
    expect(waiting).not.toHaveBeenCalled();
  },
);

test('without patience there is one try, and with it the last failure is the error', async () => {
  const once = jest.fn(() => Promise.reject(failure('JP_BROKER_UNREACHABLE')));
  await expect(patiently({}, once)).rejects.toMatchObject({ code: 'JP_BROKER_UNREACHABLE' });
  expect(once).toHaveBeenCalledTimes(1);
  await expect(patiently({ patienceMs: 200 }, once)).rejects.toMatchObject({ code: 'JP_BROKER_UNREACHABLE' });
  expect(once).toHaveBeenCalledTimes(3);
});

test('with given codes only these failures are retried', async () => {
  const passing = new Set(['JP_BROKER_NO_QUORUM']);
  const fails = (code: Parameters<typeof failure>[0]) => jest.fn(() => Promise.reject(failure(code)));
  const [elects, isAway] = [fails('JP_BROKER_NO_QUORUM'), fails('JP_BROKER_UNREACHABLE')];
  for (const once of [elects, isAway]) await expect(patiently({ patienceMs: 200 }, once, passing)).rejects.toThrow();
  expect([elects.mock.calls.length, isAway.mock.calls.length]).toEqual([2, 1]);
});
