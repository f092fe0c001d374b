import { startScreen } from '../../../host/cli/start-screen';

const lineOf = (http: string | undefined, hasPage: boolean): string | undefined =>
  startScreen({
    broker: { kind: 'embedded', url: 'nats://127.0.0.1:4222', version: '2.14.0' },
    ...{ streams: [], plugins: [], http, hasPage, tookMs: 100 },
  }).find((line) => line.includes('http '));

test('the start screen names what the HTTP address serves', () => {
  expect(lineOf('http://127.0.0.1:8300', true)).toBe(
    '  http    http://127.0.0.1:8300  the page, /livez /readyz /metrics',
  );
  // Beyond loopback and without a token the page and the metrics are closed.
  expect(lineOf('http://0.0.0.0:8300', false)).toBe('  http    http://0.0.0.0:8300  /livez /readyz');
  expect(lineOf(undefined, false)).toBeUndefined();
});
