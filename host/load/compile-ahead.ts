import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Limiter } from '../base/limiter';
import { importsOf, isCode } from './module-graph';
import { transpileAside } from './transpile';

/**
 * Compiles the modules of plugins in threads, before the plugins are loaded one after the other. Each promise resolves
 * when one plugin's modules are compiled. It never rejects, because loading the plugin reports a file that does not
 * compile.
 */
export function compileAhead(files: readonly string[]): Promise<void>[] {
  const begun = new Set<string>();
  const compileAll = async (path: string): Promise<void> => {
    if (begun.has(path) || !isCode(path)) return;
    begun.add(path);
    const code = await transpileAside(path, readFileSync(path, 'utf8'));
    for (const imported of importsOf(path, code)) await compileAll(imported);
  };
  return files.map((file) => limiter.take(() => compileAll(file).catch(() => undefined)));
}

/** Allows one compilation per processor, because the same thread pool also resolves the names of servers. */
const limiter = new Limiter(availableParallelism());
