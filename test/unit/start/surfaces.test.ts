import type { DescribedHost } from '../../../host/start/described-host';
import { loadConfig } from '../../../host/config/load';
import { openHttp } from '../../../host/start/surfaces';
import { RecordingLog } from '../../../host/testing/recording-log';

const describeHost = (changes: Partial<DescribedHost> = {}, http = '127.0.0.1:0', env = {}): DescribedHost =>
  ({
    ...loadConfig({ cwd: '/', env, flags: { http } }),
    plugins: { entries: [] },
    connection: { connected: true },
    missingStreams: [],
    commitProblems: [],
    phase: 'running',
    ...changes,
  }) as unknown as DescribedHost;

test('without an address no HTTP server is opened', async () => {
  expect(await openHttp(() => describeHost({}, 'off'))).toBeUndefined();
});

test.each([
  ['on loopback', '127.0.0.1:0', {}, true],
  ['beyond loopback without a token', '0.0.0.0:0', {}, false],
  ['beyond loopback with a token', '0.0.0.0:0', { JETPLUG_HTTP_READER_TOKEN: 'a-token-of-24-characters' }, true],
])('a host says whether its page answers: %s', async (_where, listen, env, hasPage) => {
  const http = await openHttp(() => describeHost({ log: new RecordingLog() as never }, listen, env));
  await http!.close();
  expect(http).toMatchObject({ hasPage });
});

test('readiness describes the host at the time of each request', async () => {
  let host = describeHost({ phase: 'starting' });
  const http = await openHttp(() => host);
  const ready = async (): Promise<number> => (await fetch(`${http!.url}/readyz`)).status;
  try {
    expect(await ready()).toBe(503);
    host = describeHost();
    expect(await ready()).toBe(200);
    host = describeHost({ missingStreams: ['EVENTS'] });
    expect(await ready()).toBe(503);
  } finally {
    await http!.close();
  }
});
