import { isolationInSource } from '../../../host/load/isolation-in-source';
import type { ProcessConfig } from '../../../host/config/config';

function told(source: string, sections: Record<string, ProcessConfig> = {}, defaults: ProcessConfig = {}): string {
  const enabled = Object.fromEntries(Object.entries(sections).map(([name, one]) => [name, { enabled: true, ...one }]));
  return isolationInSource('/plugins/x.plugin.ts', source, { sections: enabled, defaults }).isolation;
}

const plugin = (options = '', before = ''): string =>
  `${before}\n@Plugin(${options})\nexport class BadgePlugin { @Subscribe() award(event: Any) {} }`;

test('a plugin runs inline unless somebody says otherwise', () => {
  expect(told(plugin())).toBe('inline');
  expect(told(plugin(`{ description: 'isolation' }`))).toBe('inline');
});

test('its decorator says so, as far as its text tells', () => {
  expect(told(plugin(`{ isolation: 'process' }`))).toBe('process');
  expect(told(`@Plugin({ 'isolation': "process" })\nexport default class extends Base {}`)).toBe('process');
  expect(told(`@Plugin({ isolation: 'process' })\nclass BadgePlugin {}\nexport { BadgePlugin };`)).toBe('process');
  // Only running it would tell.
  expect(told(plugin('OPTIONS', `const OPTIONS = { isolation: 'process' };`))).toBe('inline');
});

test('the config has the last word, by the plugin’s name', () => {
  expect(told(plugin(), { badge: { isolation: 'process' } })).toBe('process');
  expect(told(plugin(), { other: { isolation: 'process' } })).toBe('inline');
  expect(told(plugin(`{ name: 'other' }`), { other: { isolation: 'process' } })).toBe('process');
  expect(told(plugin(`{ isolation: 'process' }`), { badge: { isolation: 'inline' } })).toBe('inline');
});

test('the config’s defaults count where neither says anything', () => {
  expect(told(plugin(), {}, { isolation: 'process' })).toBe('process');
  expect(told(plugin(`{ isolation: 'inline' }`), {}, { isolation: 'process' })).toBe('inline');
  expect(told(plugin(), { badge: { isolation: 'inline' } }, { isolation: 'process' })).toBe('inline');
});

test('limits come from the config, or are built in', () => {
  const defaults = { heapLimitBytes: 1, processes: 3 };
  const sections = { badge: { enabled: true, memoryLimitBytes: 2 } };
  const policy = isolationInSource('/plugins/x.plugin.ts', plugin(`{ isolation: 'process' }`), { sections, defaults });
  expect(policy).toMatchObject({
    processes: 3,
    heapLimitBytes: 1,
    layerOf: { processes: 'defaults', isolation: 'decorator' },
  });
});

test('a text that does not parse is left to its compilation', () => {
  expect(told(`@Plugin({ isolation: 'process' `)).toBe('inline');
});
