import { join } from 'node:path';
import { BINARY_NAME, fetchIntoCache } from './cache';
import { findOnPath, runProgram, type Env } from './programs';
import { PINNED_VERSION } from './version';

/**
 * The time that Go may take to its first output. Go prints within a second when it can download or compile; without a
 * network it retries for minutes.
 */
const FIRST_OUTPUT_MS = 15_000;
/** The time for which Go may print nothing later: enough to compile the largest package on a small machine. */
const SILENCE_MS = 300_000;

/** Builds nats-server with the machine's own Go into the cache. */
export function fetchFromGo(env: Env, say: (line: string) => void): Promise<string> {
  const go = findOnPath('go', env);
  if (go === undefined) throw new Error('there is no go on the PATH');

  return fetchIntoCache(env, async (folder) => {
    say(`building v${PINNED_VERSION}, which may take some minutes`);
    // Go refuses GOBIN if GOOS or GOARCH name another machine.
    const goEnv = { ...env, GOBIN: folder, CGO_ENABLED: '0', GOOS: undefined, GOARCH: undefined };
    await runProgram(go, ['install', '-v', `github.com/nats-io/nats-server/v2@v${PINNED_VERSION}`], {
      cwd: folder,
      env: goEnv,
      firstOutputMs: FIRST_OUTPUT_MS,
      silenceMs: SILENCE_MS,
    });
    return join(folder, BINARY_NAME);
  });
}
