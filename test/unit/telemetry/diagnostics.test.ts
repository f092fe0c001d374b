import { diagnosticsTo } from '../../../host/telemetry/diagnostics';

const lines: [string, object | undefined][] = [];
const log = {
  warn: (message: string, fields?: object) => void lines.push([message, fields]),
};
beforeEach(() => (lines.length = 0));

test('a problem is logged once a minute, as a short text', () => {
  const diag = diagnosticsTo(log);
  diag.error(JSON.stringify({ stack: 'Error: …', message: 'connect refused', name: 'Error', code: 'ECONNREFUSED' }));
  diag.warn('again');
  expect(lines).toEqual([['OpenTelemetry reported a problem', { error: 'Error ECONNREFUSED connect refused' }]]);
});

test('a problem that is no JSON is logged as it is, without the password of an address', () => {
  diagnosticsTo(log).error('cannot reach https://user:secret@collector:4318/v1/traces');
  expect(lines).toEqual([
    ['OpenTelemetry reported a problem', { error: 'cannot reach https://collector:4318/v1/traces' }],
  ]);
});

test('reports of lower levels are not logged', () => {
  const diag = diagnosticsTo(log);
  diag.info('started');
  diag.debug('started');
  diag.verbose('started');
  expect(lines).toEqual([]);
});
