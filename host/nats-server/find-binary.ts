import { JetplugError } from '../../sdk/internal';
import { showThrown } from '../base/thrown';
import { cachedBinary } from './cache';
import type { DownloadLimits, Progress } from './download';
import { fetchFromGo } from './from-go';
import { fetchFromRelease } from './from-release';
import { findOnPath, isExecutable, runProgram, type Env } from './programs';
import { isAtLeast, OLDEST_VERSION } from './version';

export interface Binary {
  readonly path: string;
  /** The version of the binary, such as `2.15.2`. */
  readonly version: string;
}

export interface FindBinaryOptions {
  /** The path in the config. With a path, nothing else is tried. Empty: no path. */
  readonly configured: string;
  /** Logs a line for each step and failure. */
  readonly say: (line: string) => void;
  /** Called as nats-server is downloaded. */
  readonly progress?: Progress | undefined;
  /** The environment. Default: that of the process. */
  readonly env?: Env | undefined;
  /** The base URL of the releases. Default: those of nats-io on GitHub. */
  readonly releasesUrl?: string | undefined;
  /** The time limits of a download. Default: `DOWNLOAD_LIMITS`. */
  readonly limits?: DownloadLimits | undefined;
}

type Search = FindBinaryOptions & { readonly env: Env };
type Find = (search: Search) => string | Promise<string>;

/** The ways to find a nats-server, tried in this order until one finds a binary that runs. */
const STEPS: ReadonlyMap<string, Find> = new Map<string, Find>([
  ['the PATH', ({ env }) => findOnPath('nats-server', env) ?? none('no nats-server there')],
  ['the cache', ({ env }) => inCache(env)],
  ['the official release', (search) => fetchFromRelease(search)],
  ['go install', ({ env, say }) => fetchFromGo(env, say)],
]);

const VERSION_MS = 10_000;

/**
 * Finds the nats-server binary for the embedded broker: the configured one, or one on the PATH, in the user's cache, from
 * the official release, or built by Go. A downloaded or built binary stays in the cache.
 *
 * @throws JetplugError JP_BROKER_NOT_FOUND, which lists each step and why it failed.
 */
export async function findBinary(options: FindBinaryOptions): Promise<Binary> {
  const { configured, env = process.env } = options;
  if (configured !== '') return await findConfigured(configured, env);

  const failures: Error[] = [];
  for (const [name, find] of STEPS) {
    const say = (line: string): void => options.say(`nats-server from ${name}: ${line}`);
    try {
      const binary = await check(await find({ ...options, env, say }), env);
      say(`version ${binary.version}, ${binary.path}`);
      return binary;
    } catch (cause) {
      const reason = showThrown(cause);
      failures.push(new Error(`${name}: ${reason}`, { cause }));
      say(reason);
    }
  }
  const tried = failures.map(({ message }) => `  - ${message}`).join('\n');
  throw new JetplugError(
    'JP_BROKER_NOT_FOUND',
    `the embedded broker needs nats-server. Tried without success:\n${tried}`,
    {
      cause: new AggregateError(failures),
    },
  );
}

/**
 * Checks the configured binary. One that does not run is an error, because another version on the same data would be a
 * surprise.
 */
async function findConfigured(path: string, env: Env): Promise<Binary> {
  try {
    if (!isExecutable(path)) throw new Error('there is no file that may be run');
    return await check(path, env);
  } catch (cause) {
    throw new JetplugError(
      'JP_BROKER_NOT_FOUND',
      `the configured nats-server ${path} cannot be used: ${showThrown(cause)}`,
      {
        hint: 'Correct nats.embedded.binary, or leave it empty: the host then looks for nats-server itself.',
        cause,
      },
    );
  }
}

function inCache(env: Env): string {
  const path = cachedBinary(env);
  return isExecutable(path) ? path : none(`no ${path} yet`);
}

/** Runs the binary with `--version`, which also shows that the binary suits this machine. */
async function check(path: string, env: Env): Promise<Binary> {
  const output = await runProgram(path, ['--version'], { env, firstOutputMs: VERSION_MS });
  const version = /^nats-server: v?(\d+\.\d+\.\d+\S*)/m.exec(output)?.[1];
  if (version === undefined) throw new Error(`${path} does not print a version as nats-server does`);
  if (!isAtLeast(version, OLDEST_VERSION))
    throw new Error(`${path} has version ${version}; Jetplug needs ${OLDEST_VERSION} or newer`);
  return { path, version };
}

function none(reason: string): never {
  throw new Error(reason);
}
