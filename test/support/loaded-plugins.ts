import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { ErrorReport } from '../../sdk/internal';

/** What became of a plugin file that the built host loaded, in a process of its own. */
export interface LoadedPlugin {
  readonly name: string;
  readonly version: string;
  readonly sources: string[];
  readonly contracts: string[];
  readonly handlers: { method: string; subject: string; durable: string; line: number }[];
  readonly instance: string[];
  readonly known?: string;
  /** What the handlers returned. */
  readonly results: unknown[];
  /** Stacks of what the handlers threw. */
  readonly errors: string[];
  /** Why it cannot be used, each with the message of its cause. */
  readonly faults?: (ErrorReport & { cause?: string })[];
}

/** Each file is compiled three times, as by edits, and built twice. */
export async function loadPlugins(files: readonly string[]): Promise<Record<string, LoadedPlugin>> {
  const script = join(resolve(__dirname, '../..'), 'test/support/load-plugins.cjs');
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, ...files]);
  return JSON.parse(stdout) as Record<string, LoadedPlugin>;
}
