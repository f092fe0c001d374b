import { readFileSync, realpathSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import type { ExplainedPlugin } from '../ops/explain';
import type { PluginView } from './api';

const LINES_AROUND = 12;
const MAX_BYTES = 1024 * 1024;

/**
 * Returns the source around the failing line of a plugin, or around its class. Only a file that the plugin's own status
 * names is read, and only within the plugins folders; undefined where it is not on this machine.
 */
export function sourceOfPlugin(explained: readonly ExplainedPlugin[], dirs: readonly string[]): PluginView['source'] {
  const [plugin] = explained;
  if (!plugin) return undefined;
  const { error } = plugin;
  const file = error?.file ?? plugin.file;
  const text = readWithin(file, dirs);
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  const failingLine = error?.file === undefined || error.file === file ? error?.line : undefined;
  const at = failingLine ?? plugin.line ?? 1;
  const firstLine = Math.max(1, at - LINES_AROUND);
  return {
    file,
    firstLine,
    lines: lines.slice(firstLine - 1, at + LINES_AROUND),
    ...(failingLine !== undefined && { failingLine }),
  };
}

/** Hosts on other machines have other files, and a link may lead out of a folder. */
function readWithin(file: string, dirs: readonly string[]): string | undefined {
  try {
    const real = realpathSync(file);
    const isWithin = dirs.some((dir) => real.startsWith(realpathSync(dir) + sep));
    return isWithin && statSync(real).size <= MAX_BYTES ? readFileSync(real, 'utf8') : undefined;
  } catch {
    // The file, or a plugins folder, is not on this machine.
    return undefined;
  }
}
