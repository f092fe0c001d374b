import type { PluginHost } from '../../../host/plugin/plugin-host';
import { withinStartLimit } from '../../../host/plugin/start-limit';

const PLUGIN = { name: 'badge', className: 'BadgePlugin', where: { file: '/badge.plugin.ts', line: 3 } };
const host = { config: { plugins: { startTimeoutMs: 20 } } } as PluginHost;

test('work in time resolves with its result, and leaves no timer', async () => {
  const abandoned = jest.fn();
  await expect(withinStartLimit(Promise.resolve('built'), PLUGIN, host, abandoned)).resolves.toBe('built');
  expect(abandoned).not.toHaveBeenCalled();
});

test('work that fails in time rejects with its own error', async () => {
  const failing = Promise.reject(new Error('no database'));
  await expect(withinStartLimit(failing, PLUGIN, host, jest.fn())).rejects.toThrow('no database');
});

test('work that takes longer is abandoned, with the place of the plugin in the error', async () => {
  const abandoned = jest.fn();
  const work = new Promise(() => undefined);
  await expect(withinStartLimit(work, PLUGIN, host, abandoned)).rejects.toMatchObject({
    code: 'JP_PLUGIN_LOAD_TIMEOUT',
    message: 'BadgePlugin did not start within 20 ms',
    plugin: 'badge',
    file: '/badge.plugin.ts',
    line: 3,
  });
  expect(abandoned).toHaveBeenCalledTimes(1);
});
