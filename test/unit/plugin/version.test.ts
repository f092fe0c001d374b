import type { PluginCode } from '../../../host/load/plugin-code';
import { PluginVersion } from '../../../host/plugin/version';
import { settle } from '../../support/memory-host';
import { RecordingLog } from '../../../host/testing/recording-log';

const DEFINITION = {
  name: 'badge',
  className: 'BadgePlugin',
  where: { file: '/badge.plugin.ts', line: 3 },
  sources: new Map(),
};

function started(stop: () => Promise<void> = async () => undefined) {
  const log = new RecordingLog();
  const journal: string[] = [];
  const code = {
    stop: () => {
      journal.push('stop');
      return stop();
    },
    end: () => journal.push('end'),
  } as unknown as PluginCode;
  const version = new PluginVersion(DEFINITION as never, code, log, () => journal.push('release'));
  return { version, journal, log };
}

afterEach(() => jest.useRealTimers());

test('a version closes after its last run, and is released last', async () => {
  const { version, journal } = started();
  let end = (): void => undefined;
  version.usedUntil(new Promise<void>((resolve) => (end = resolve)));
  const closed = version.close();
  await settle();
  expect(journal).toEqual([]);
  end();
  await closed;
  expect(journal).toEqual(['stop', 'end', 'release']);
});

test('an onStop that fails is logged, and the version is released all the same', async () => {
  const { version, journal, log } = started(() => Promise.reject(new Error('no database')));
  await version.close();
  expect(journal).toEqual(['stop', 'end', 'release']);
  expect(log.lines).toMatchObject([
    { message: 'a plugin did not stop cleanly', fields: { plugin: 'badge', err: { code: 'JP_PLUGIN_STOP_FAILED' } } },
  ]);
});
