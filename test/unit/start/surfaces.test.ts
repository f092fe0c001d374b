import type { DescribedHost } from '../../../host/start/described-host';
import { openHttp } from '../../../host/start/surfaces';

const describeHost = (changes: Partial<DescribedHost> = {}): DescribedHost =>
  ({
    plugins: { entries: [] },
    connection: { connected: true },
    missingStreams: [],
    commitProblems: [],
    phase: 'running',
    ...changes,
  }) as unknown as DescribedHost;

test('without an address no HTTP server is opened', async () => {
  expect(await openHttp('', describeHost)).toBeUndefined();
});

test('readiness describes the host at the time of each request', async () => {
  let host = describeHost({ phase: 'starting' });
  const http = await openHttp('127.0.0.1:0', () => host);
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
