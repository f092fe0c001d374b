import { JetplugError } from '../../../sdk/internal';
import { loadConfig } from '../../../host/config/load';
import type { LoadedConfig } from '../../../host/config/config';
import { atSettings } from '../../../host/config/settings-place';
import { unusedSections } from '../../../host/config/unused-sections';
import { Scene } from '../../support/scene';

const YAML = `plugins:
  badge:
    settings:
      milestones:
        - 1
        - 0
  bagde:
    concurrency: 2
  empty:
    enabled: true
`;

const scene = new Scene();
let folder: string;
let loaded: LoadedConfig;

beforeAll(() => {
  folder = scene.folder({ 'config/default.yaml': YAML });
  loaded = loadConfig({ cwd: folder, env: {} });
});
afterAll(() => scene.end());

const at = (key: string): number | undefined => {
  const error = new JetplugError('JP_PLUGIN_SETTINGS_INVALID', `${key}: too small`, {
    file: 'badge.plugin.ts',
    line: 9,
  });
  const { file, line } = atSettings(error, loaded.sourceOf);
  expect(file).toBe(`${folder}/config/default.yaml`);
  return line;
};

test('an invalid setting is reported at its line of the config, and a missing one at the line of its parent', () => {
  expect(at('plugins.badge.settings.milestones[1]')).toBe(6);
  expect(at('plugins.badge.settings.milestones')).toBe(4);
  expect(at('plugins.badge.settings.top')).toBe(2);
  expect(at('plugins.bagde.settings.top')).toBe(7);
});

test('if the config has no section for the plugin, the place stays in the plugin’s file', () => {
  const error = new JetplugError('JP_PLUGIN_SETTINGS_INVALID', 'plugins.other.settings: required', {
    file: 'x.ts',
    line: 3,
  });
  expect(atSettings(error, loaded.sourceOf)).toBe(error);
});

test('a section without a plugin is reported with its line and the plugin that was probably meant', () => {
  const file = `${folder}/config/default.yaml`;
  expect(unusedSections(loaded, ['badge', 'ranking']).map((error) => error.toJSON())).toEqual([
    {
      code: 'JP_CONFIG_UNKNOWN_KEY',
      message: 'plugins.bagde: there is no such plugin; did you mean badge?',
      file,
      line: 7,
      hint: 'Write badge.',
    },
    {
      code: 'JP_CONFIG_UNKNOWN_KEY',
      message: 'plugins.empty: there is no such plugin',
      file,
      line: 9,
      hint: 'Remove the section, or add the plugin; the plugins are badge, ranking.',
    },
  ]);
});
