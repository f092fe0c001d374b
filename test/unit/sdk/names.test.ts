import { kebabCase, pluginNameOf } from '../../../sdk/names';

test.each([
  ['UserPreferencesPlugin', 'user-preferences'],
  ['BadgePlugin', 'badge'],
  ['P0', 'p0'],
  ['P0Plugin', 'p0'],
  ['Plugin', 'plugin'],
  ['PluginPlugin', 'plugin'],
  ['PluginHost', 'plugin-host'],
  ['MLPlugin', 'ml'],
  ['HTTPServerPlugin', 'httpserver'],
  ['Video2WatchPlugin', 'video2watch'],
  ['Badge', 'badge'],
])('the plugin %s is %s', (className, name) => {
  expect(pluginNameOf(className)).toBe(name);
});

test.each([
  ['award', 'award'],
  ['onWatchStarted', 'on-watch-started'],
  ['onDeadPlugin', 'on-dead-plugin'],
  ['count2', 'count2'],
  ['already-kebab', 'already-kebab'],
])('the method %s is %s', (method, name) => {
  expect(kebabCase(method)).toBe(name);
});
