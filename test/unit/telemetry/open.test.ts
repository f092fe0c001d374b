import { openTelemetry } from '../../../host/telemetry/open';
import { RecordingLog } from '../../../host/testing/recording-log';
import type { HostLog } from '../../../host/log/log';

const log = new RecordingLog() as unknown as HostLog;
const both = { traces: true, metrics: true };
const failing: { with: Error } = { with: new Error() };

jest.mock('@opentelemetry/sdk-node', () => {
  throw failing.with;
});

beforeEach(() => jest.resetModules());

test('a missing SDK is an error with the command that installs it', async () => {
  failing.with = Object.assign(new Error("Cannot find module '@opentelemetry/sdk-node'"), { code: 'MODULE_NOT_FOUND' });
  await expect(openTelemetry(both, log)).rejects.toMatchObject({
    code: 'JP_TELEMETRY_MISSING',
    message: 'the variables OTEL_* ask for telemetry, and @opentelemetry/sdk-node is missing',
    hint: expect.stringContaining('`npm install @opentelemetry/sdk-node@0.223`'),
  });
});

test('an SDK that cannot be loaded is an error with its cause', async () => {
  failing.with = new SyntaxError('Unexpected token');
  await expect(openTelemetry(both, log)).rejects.toMatchObject({
    code: 'JP_TELEMETRY_INVALID',
    message: 'OpenTelemetry cannot start: Unexpected token',
    cause: failing.with,
  });
});
