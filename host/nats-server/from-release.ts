import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY_NAME, fetchIntoCache } from './cache';
import { DOWNLOAD_LIMITS, downloadFile, downloadText, type DownloadLimits, type Progress } from './download';
import { findOnPath, runProgram, type Env } from './programs';
import { PINNED_VERSION } from './version';

const RELEASES_URL = 'https://github.com/nats-io/nats-server/releases/download';
const UNPACK_MS = 60_000;

export interface ReleaseOptions {
  readonly env: Env;
  readonly say: (line: string) => void;
  readonly progress?: Progress | undefined;
  /** The base URL of the releases: `<base>/v2.15.2/<file>`. Default: those of nats-io on GitHub. */
  readonly releasesUrl?: string | undefined;
  readonly limits?: DownloadLimits | undefined;
}

/** Downloads the official archive for this platform into the cache, and checks it against the published SHA-256. */
export function fetchFromRelease(options: ReleaseOptions): Promise<string> {
  const { env, say, progress = () => undefined, releasesUrl = RELEASES_URL, limits = DOWNLOAD_LIMITS } = options;
  const name = releaseName(process.platform, process.arch);
  const archive = process.platform === 'win32' ? `${name}.zip` : `${name}.tar.gz`;
  const release = `${releasesUrl}/v${PINNED_VERSION}`;

  return fetchIntoCache(env, async (folder) => {
    say(`downloading ${archive}`);
    const published = publishedSum(await downloadText(`${release}/SHA256SUMS`, limits), archive);
    const file = join(folder, archive);
    const sum = await downloadFile(`${release}/${archive}`, file, limits, progress);
    if (sum !== published) throw new Error(`${archive} has the SHA-256 ${sum}, but ${published} is published`);
    return await unpack(file, name, folder, env);
  });
}

/** Returns the name of a release's archive without its extension, such as `nats-server-v2.15.2-linux-amd64`. */
export function releaseName(platform: string, arch: string): string {
  const system = { linux: 'linux', darwin: 'darwin', win32: 'windows', freebsd: 'freebsd' }[platform];
  const machine = {
    x64: 'amd64',
    arm64: 'arm64',
    arm: 'arm7',
    ia32: '386',
    ppc64: 'ppc64le',
    s390x: 's390x',
    riscv64: 'riscv64',
    loong64: 'loong64',
  }[arch];
  if (system === undefined || machine === undefined) throw new Error(`there is no release for ${platform} on ${arch}`);
  return `nats-server-v${PINNED_VERSION}-${system}-${machine}`;
}

function publishedSum(sums: string, archive: string): string {
  const line = sums.split('\n').find((one) => one.trim().split(/\s+\*?/)[1] === archive);
  const sum = line?.trim().split(/\s/)[0];
  if (sum === undefined) throw new Error(`the published SHA256SUMS do not name ${archive}`);
  return sum.toLowerCase();
}

async function unpack(file: string, name: string, folder: string, env: Env): Promise<string> {
  // The tar of Windows reads .zip. Another tar on the PATH, such as Git's, does not.
  const tar =
    process.platform === 'win32'
      ? join(env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'tar.exe')
      : findOnPath('tar', env);
  if (tar === undefined) throw new Error('there is no tar on the PATH to unpack the archive');
  const flags = file.endsWith('.zip') ? '-xf' : '-xzf';
  await runProgram(tar, [flags, file, '-C', folder, `${name}/${BINARY_NAME}`], { env, firstOutputMs: UNPACK_MS });
  const binary = join(folder, name, BINARY_NAME);
  chmodSync(binary, 0o755);
  return binary;
}
