import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config, LoadedConfig } from '../../../host/config/config';
import type { Plugins } from '../../../host/plugin/plugins';
import { configOf } from '../../../host/testing/options';
import { ConfigFiles } from '../../../host/watch/config-files';
import { JetplugError } from '../../../sdk/internal';
import { eventually } from '../../support/eventually';
import { RecordingLog } from '../../../host/testing/recording-log';

let folder: string;
let log: RecordingLog;
let reconfigured: Config[];
let inEffect: LoadedConfig[];
let files: ConfigFiles;
/** The result of the next load. */
let written: Config | Error;

const present = configOf({});
const sourceOf: LoadedConfig['sourceOf'] = () => undefined as never;
const messages = (): string[] => log.lines.map(({ message }) => message);
const write = (text: string): void => writeFileSync(join(folder, 'local.yaml'), text);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-config-files-'));
  log = new RecordingLog();
  reconfigured = [];
  inEffect = [];
  written = present;
  const source = {
    files: [join(folder, 'local.yaml')],
    load: () => {
      if (written instanceof Error) throw written;
      return { config: written, sourceOf };
    },
  };
  const plugins = { reconfigure: async (config: Config) => void reconfigured.push(config) } as unknown as Plugins;
  files = new ConfigFiles(present, source, plugins, log, (loaded) => inEffect.push(loaded));
  files.start();
});
afterEach(() => {
  files.stop();
  rmSync(folder, { recursive: true });
});

test('a changed plugin section is applied at once, any other change is left for the next start', async () => {
  const sections = { badge: { enabled: false } } as unknown as Config['plugins']['sections'];
  written = { ...present, plugins: { ...present.plugins, sections }, http: { ...present.http, listen: ':1' } };
  write('a file that was not there');
  await eventually(() => reconfigured.length > 0);
  expect(reconfigured).toEqual([{ ...present, plugins: { ...present.plugins, sections } }]);
  expect(inEffect.map(({ config }) => config)).toEqual(reconfigured);
  expect(log.lines).toMatchObject([
    { message: 'the config has changed where it takes effect at the next start', fields: { sections: ['http'] } },
    { message: 'the config has changed' },
  ]);
});

test('an invalid config is reported, each of its errors, and changes nothing', async () => {
  const errors = ['one', 'two'].map((message) => new JetplugError('JP_CONFIG_INVALID', message, { line: 3 }));
  written = new AggregateError(errors, 'two errors');
  write('invalid');
  await eventually(() => log.lines.length === 2);
  expect(messages()).toEqual(Array(2).fill('the config is invalid; nothing changes'));
  expect(log.lines.map(({ fields }) => [fields['error'], fields['line']])).toEqual([
    ['one', 3],
    ['two', 3],
  ]);
  expect([reconfigured, inEffect]).toEqual([[], []]);
});

test('where only the places of the values have changed, they are reported and no plugin is loaded', async () => {
  write('a comment');
  await eventually(() => inEffect.length > 0);
  expect([reconfigured, messages()]).toEqual([[], []]);
});
