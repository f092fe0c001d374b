import { isolationInSource } from '../../../host/load/isolation-in-source';
import type { ProcessConfig } from '../../../host/config/config';

function isolation(source: string, sections: Record<string, ProcessConfig> = {}, defaults: ProcessConfig = {}): string {
  const enabled = Object.fromEntries(Object.entries(sections).map(([name, one]) => [name, { enabled: true, ...one }]));
  return isolationInSource('/plugins/x.plugin.ts', source, { sections: enabled, defaults }).isolation;
}

const plugin = (options = '', before = ''): string =>
  `${before}\n@Plugin(${options})\nexport class BadgePlugin { @Subscribe() award(event: Any) {} }`;

test('a plugin runs inline by default', () => {
  expect(isolation(plugin())).toBe('inline');
  expect(isolation(plugin(`{ description: 'isolation' }`))).toBe('inline');
});

test('isolation in the decorator applies if it is written as a literal', () => {
  expect(isolation(plugin(`{ isolation: 'process' }`))).toBe('process');
  expect(isolation(`@Plugin({ 'isolation': "process" })\nexport default class extends Base {}`)).toBe('process');
  expect(isolation(`@Plugin({ isolation: 'process' })\nclass BadgePlugin {}\nexport { BadgePlugin };`)).toBe('process');
  // The value is not a literal, so it is known only when the module has run.
  expect(isolation(plugin('OPTIONS', `const OPTIONS = { isolation: 'process' };`))).toBe('inline');
});

test('the config’s section with the plugin’s name takes precedence over the decorator', () => {
  expect(isolation(plugin(), { badge: { isolation: 'process' } })).toBe('process');
  expect(isolation(plugin(), { other: { isolation: 'process' } })).toBe('inline');
  expect(isolation(plugin(`{ name: 'other' }`), { other: { isolation: 'process' } })).toBe('process');
  expect(isolation(plugin(`{ isolation: 'process' }`), { badge: { isolation: 'inline' } })).toBe('inline');
});

test('the config’s defaults apply if neither section nor decorator sets isolation', () => {
  expect(isolation(plugin(), {}, { isolation: 'process' })).toBe('process');
  expect(isolation(plugin(`{ isolation: 'inline' }`), {}, { isolation: 'process' })).toBe('inline');
  expect(isolation(plugin(), { badge: { isolation: 'inline' } }, { isolation: 'process' })).toBe('inline');
});

test('limits come from the config, else from the built-in defaults', () => {
  const defaults = { heapLimitBytes: 1, processes: 3 };
  const sections = { badge: { enabled: true, memoryLimitBytes: 2 } };
  const policy = isolationInSource('/plugins/x.plugin.ts', plugin(`{ isolation: 'process' }`), { sections, defaults });
  expect(policy).toMatchObject({
    processes: 3,
    heapLimitBytes: 1,
    layerOf: { processes: 'defaults', isolation: 'decorator' },
  });
});

test('a source that does not parse counts as inline; its compilation reports the error', () => {
  expect(isolation(`@Plugin({ isolation: 'process' `)).toBe('inline');
});
