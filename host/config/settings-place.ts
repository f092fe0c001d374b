import { JetplugError } from '../../sdk/internal';
import type { SourceOf } from './config';

/** A key of the config in front of a message: `plugins.badge.settings.milestones[0]: …`. */
const KEY = /^plugins\.[a-z0-9-]+\.settings[^\s:]*(?=: )/;

/** An error of a plugin's settings, at the line of the config that holds them rather than in the plugin's file. */
export function atSettings(error: JetplugError, sourceOf: SourceOf): JetplugError {
  let path = error.code === 'JP_PLUGIN_SETTINGS_INVALID' ? (KEY.exec(error.message)?.[0] ?? '') : '';
  // What is missing stands nowhere: the place of what it is missing from is told.
  for (; path.includes('.'); path = path.replace(/(\.[^.[]*|\[\d+\])$/, '')) {
    const source = sourceOf(path);
    if (source.layer !== 'file') continue;
    const { code, message, plugin, hint, cause } = error;
    return new JetplugError(code, message, { plugin, hint, cause, file: source.file, line: source.line });
  }
  return error;
}
