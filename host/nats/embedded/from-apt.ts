import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fetchIntoCache } from './cache';
import { findOnPath, isExecutable, runProgram, type Env } from './programs';

const SILENCE_MS = 30_000;
const QUICK_TO_FAIL = ['-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=5', '-o', 'Acquire::https::Timeout=5'];

/** Unpacks the distribution's own package into the cache: any user may, and the system stays as it is. */
export function fetchFromApt(env: Env, say: (line: string) => void): Promise<string> {
  const apt = findOnPath('apt-get', env);
  const dpkg = findOnPath('dpkg-deb', env);
  if (apt === undefined || dpkg === undefined) throw new Error('this is no Debian or Ubuntu: apt-get is not there');

  return fetchIntoCache(env, async (folder) => {
    say('fetching the package of this system; it may be an older version');
    const run = { cwd: folder, env, firstOutputMs: SILENCE_MS };
    await runProgram(apt, [...QUICK_TO_FAIL, 'download', 'nats-server'], run);
    const packed = readdirSync(folder).find((name) => name.endsWith('.deb'));
    if (packed === undefined) throw new Error('apt-get download left no package');
    await runProgram(dpkg, ['-x', packed, 'unpacked'], run);
    const places = ['usr/sbin', 'usr/bin'].map((place) => join(folder, 'unpacked', place, 'nats-server'));
    const binary = places.find(isExecutable);
    if (binary === undefined) throw new Error(`the package ${packed} holds no nats-server`);
    return binary;
  });
}
