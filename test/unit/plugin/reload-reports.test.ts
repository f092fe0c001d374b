import { JetplugError, type ErrorCode } from '../../../sdk/internal';
import { ReloadReports } from '../../../host/plugin/reload-reports';
import { RecordingLog } from '../../../host/testing/recording-log';

const REPORT = { plugin: 'badge', file: '/badge.plugin.ts', version: 'v2', startedMs: performance.now() };
const error = (code: ErrorCode, details = {}): JetplugError => new JetplugError(code, 'no', details);

function reporting() {
  const log = new RecordingLog();
  const reports = new ReloadReports(log);
  const outcomes = (): string[] => reports.reloads.of('badge').map(({ outcome }) => outcome);
  return { reports, outcomes, log };
}

test('a success is recorded and logged with its durables', () => {
  const { reports, outcomes, log } = reporting();
  const durable = { subject: 'video.watched', durable: 'badge-award' };
  reports.succeeded('loaded', REPORT, [{ durable }] as never);
  expect(outcomes()).toEqual(['loaded']);
  expect(log.lines).toMatchObject([
    {
      level: 'info',
      message: 'a plugin is loaded',
      fields: { plugin: 'badge', version: 'v2', outcome: 'loaded', handlers: ['video.watched → badge-award'] },
    },
  ]);
});

test.each<[code: ErrorCode, runsOn: boolean, outcome: string, message: string]>([
  ['JP_PLUGIN_SYNTAX', false, 'failed', 'a plugin fails'],
  ['JP_CONSUMER_FOREIGN', false, 'failed', 'a plugin fails'],
  ['JP_PLUGIN_SYNTAX', true, 'failed', 'a plugin’s new version fails; the old one runs on'],
  ['JP_CONSUMER_FOREIGN', true, 'refused', 'a plugin’s new version is refused; the old one runs on'],
  ['JP_CONSUMER_NOT_UPDATABLE', true, 'refused', 'a plugin’s new version is refused; the old one runs on'],
  ['JP_HANDLER_NO_STREAM', true, 'refused', 'a plugin’s new version is refused; the old one runs on'],
])('%s with a version that runs on: %s is recorded as %s', (code, runsOn, outcome, message) => {
  const { reports, outcomes, log } = reporting();
  reports.failed([error(code)], REPORT, runsOn);
  expect([outcomes(), log.lines.map((line) => line.message)]).toEqual([[outcome], [message]]);
});

test('of several errors the first decides the outcome, and each is logged with its place', () => {
  const { reports, outcomes, log } = reporting();
  const cause = new Error('why');
  reports.failed(
    [error('JP_PLUGIN_SYNTAX', { file: '/helper.ts', line: 7, cause }), error('JP_INTERNAL')],
    REPORT,
    false,
  );
  expect(outcomes()).toEqual(['failed']);
  expect(log.lines.map(({ fields }) => [fields['file'], fields['line'], fields['err']])).toEqual([
    ['/helper.ts', 7, cause],
    ['/badge.plugin.ts', undefined, undefined],
  ]);
});

test('a rollback is recorded with its error', () => {
  const { reports, outcomes, log } = reporting();
  reports.rolledBack(error('JP_PLUGIN_ROLLED_BACK'), REPORT);
  expect(outcomes()).toEqual(['rolled-back']);
  expect(reports.reloads.of('badge')[0]).toMatchObject({ version: 'v2', error: { code: 'JP_PLUGIN_ROLLED_BACK' } });
  expect(log.lines[0]!.message).toBe('a plugin’s new version failed at everything; the one before is back');
});
