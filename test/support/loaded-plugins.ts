import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { ErrorReport } from '../../sdk/internal';

/** The result of loading a plugin file with the built host, in a process of its own. */
export interface LoadedPlugin {
  readonly name: string;
  readonly version: string;
  readonly sources: string[];
  readonly contracts: string[];
  readonly handlers: { method: string; subject: string; durable: string; line: number }[];
  readonly instance: string[];
  readonly known?: string;
  /** The return values of the handlers. */
  readonly results: unknown[];
  /** The stacks of the handlers' exceptions. */
  readonly errors: string[];
  /** The errors of the load, each with the message of its cause. */
  readonly faults?: (ErrorReport & { cause?: string })[];
}

/** Each file is compiled three times, as by edits, and built twice. */
export async function loadPlugins(files: readonly string[]): Promise<Record<string, LoadedPlugin>> {
  const script = join(resolve(__dirname, '../..'), 'test/support/load-plugins.cjs');
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, ...files]);
  return JSON.parse(stdout) as Record<string, LoadedPlugin>;
}
