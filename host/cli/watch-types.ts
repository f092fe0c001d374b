import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setPriority } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { PartedLog } from '../log/log';
import { TypeReports } from './type-reports';

/** So many type errors are logged at a time. */
const MAX_LOGGED = 10;
/** The priority of the compiler, lower than the host's. */
const NICENESS = 10;

/**
 * Logs the type errors of the project whenever its files change. The project's own TypeScript compiler finds them, in a
 * process of its own. Logs once if the project has no compiler or no tsconfig.json.
 */
export function watchTypes(pluginsDirs: readonly string[], log: PartedLog): { stop(): void } {
  const project = projectAbove(resolve(pluginsDirs[0] ?? '.'));
  const compiler = project === undefined ? undefined : findCompiler(project);
  if (project === undefined || compiler === undefined) {
    const missing = project === undefined ? 'no tsconfig.json above the plugins folder' : 'no package typescript';
    log.info('types are not checked', { why: missing });
    return { stop: () => undefined };
  }
  const child = startCompiler(compiler, project);
  let isStopped = false;
  report(child, project, log);
  child.once('exit', (code, signal) => {
    if (!isStopped) log.warn('types are not checked any more: the compiler has ended', { code, signal });
  });
  child.once('error', (error) => log.warn('types are not checked: the compiler did not start', { err: error }));
  return {
    stop: () => {
      isStopped = true;
      child.kill();
    },
  };
}

/** Returns the nearest folder with a tsconfig.json, from this one upwards. */
function projectAbove(folder: string): string | undefined {
  if (existsSync(join(folder, 'tsconfig.json'))) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : projectAbove(parent);
}

/** Returns the program `tsc` of the project's package typescript. */
function findCompiler(project: string): string | undefined {
  try {
    const manifest = createRequire(join(project, 'package.json')).resolve('typescript/package.json');
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin?: Record<string, string> };
    return bin?.['tsc'] === undefined ? undefined : join(dirname(manifest), bin['tsc']);
  } catch {
    return undefined; // The project has no such package, which the caller logs.
  }
}

function startCompiler(compiler: string, project: string): ChildProcess {
  const args = ['--noEmit', '--watch', '--preserveWatchOutput', '--pretty', 'false', '--project', project];
  const child = fork(compiler, args, {
    cwd: project,
    execArgv: ['--require', join(__dirname, 'end-with-parent.js')],
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    // Ctrl-C in the terminal reaches the host only, which ends the compiler.
    detached: true,
  });
  if (child.pid !== undefined) setPriority(child.pid, NICENESS);
  return child;
}

function report({ stdout }: ChildProcess, project: string, log: PartedLog): void {
  const reports = new TypeReports(project);
  let wereErrors = false;
  createInterface(stdout!).on('line', (line) => {
    const errors = reports.add(line);
    if (!errors) return;
    for (const { message, ...place } of errors.slice(0, MAX_LOGGED))
      log.warn('type error', { ...place, error: message });
    if (errors.length > MAX_LOGGED) log.warn('more type errors', { more: errors.length - MAX_LOGGED });
    if (errors.length === 0 && wereErrors) log.info('the type errors are corrected');
    wereErrors = errors.length > 0;
  });
}
