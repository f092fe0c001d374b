import { JetplugError } from '../../sdk/internal';
import type { SourceOf } from './config';

/** The config key at the start of a message: `plugins.badge.settings.milestones[0]: …`. */
const KEY = /^plugins\.[a-z0-9-]+\.settings[^\s:]*(?=: )/;

/** Moves an error of a plugin's settings from the plugin's file to the line of the config that sets the settings. */
export function atSettings(error: JetplugError, sourceOf: SourceOf): JetplugError {
  let path = error.code === 'JP_PLUGIN_SETTINGS_INVALID' ? (KEY.exec(error.message)?.[0] ?? '') : '';
  // A missing key has no line, so the nearest key above it counts.
  for (; path.includes('.'); path = path.replace(/(\.[^.[]*|\[\d+\])$/, '')) {
    const source = sourceOf(path);
    if (source.layer !== 'file') continue;
    const { code, message, plugin, hint, cause } = error;
    return new JetplugError(code, message, { plugin, hint, cause, file: source.file, line: source.line });
  }
  return error;
}
