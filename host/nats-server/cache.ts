import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { identify } from './process-identity';
import type { Env } from './programs';
import { PINNED_VERSION } from './version';

const WORK_PREFIX = 'fetching-';

/** The file name of the binary on this platform. */
export const BINARY_NAME = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';

/**
 * Returns the path of a downloaded or built nats-server in the cache. `JETPLUG_CACHE_DIR` replaces `~/.cache/jetplug`.
 */
export function cachedBinary(env: Env): string {
  return join(cacheFolder(env), `nats-server-v${PINNED_VERSION}`, BINARY_NAME);
}

/**
 * Has `fetch` create a binary in a work folder, then moves it into the cache in one step. So neither two hosts that
 * fetch at the same time nor a host that is killed leave half a binary in the cache. Resolves with the path in the
 * cache.
 */
export async function fetchIntoCache(env: Env, fetch: (workFolder: string) => Promise<string>): Promise<string> {
  const cache = cacheFolder(env);
  const target = cachedBinary(env);
  mkdirSync(dirname(target), { recursive: true });
  removeAbandoned(cache);
  const workFolder = mkdtempSync(join(cache, `${WORK_PREFIX}${process.pid}-`));
  try {
    moveInto(target, await fetch(workFolder));
    return target;
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
}

function cacheFolder(env: Env): string {
  const own = env['JETPLUG_CACHE_DIR'];
  if (own !== undefined && own !== '') return own;
  const shared = env['XDG_CACHE_HOME'];
  // The XDG specification requires a relative path to be ignored.
  return join(
    shared !== undefined && isAbsolute(shared) ? shared : join(env['HOME'] || homedir(), '.cache'),
    'jetplug',
  );
}

/** Removes the work folders of hosts that were killed while fetching. */
function removeAbandoned(cache: string): void {
  for (const name of readdirSync(cache)) {
    const pid = new RegExp(`^${WORK_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || identify(Number(pid)) !== undefined) continue;
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function moveInto(target: string, binary: string): void {
  try {
    renameSync(binary, target);
  } catch (error) {
    // Windows does not replace a running file. So another host has fetched the same binary and runs it already.
    if (process.platform !== 'win32' || !existsSync(target)) throw error;
  }
}
