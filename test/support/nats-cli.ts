import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { findOnPath, isExecutable } from '../../host/nats-server/programs';

const VERSION = 'v0.5.1';
const INSTALL_MS = 180_000;

/**
 * The folder that holds the `nats` command line: on the PATH, where Go puts programs, or in the user's
 * cache, where it is built if Go is installed. If all of these fail: a stand-in for the two commands that the
 * README shows, which sends the same messages; it is written into `folder`.
 */
export function natsCliFolder(folder: string): string {
  const cache = join(homedir(), '.cache', 'jetplug', 'bin');
  const onPath = findOnPath('nats', process.env);
  if (onPath !== undefined) return dirname(onPath);
  const built = [join(homedir(), 'go', 'bin'), cache].find((bin) => isExecutable(join(bin, 'nats')));
  return built ?? (builtByGo(cache) ? cache : standIn(folder));
}

function builtByGo(bin: string): boolean {
  const go = findOnPath('go', process.env);
  if (go === undefined) return false;
  mkdirSync(bin, { recursive: true });
  const env = { ...process.env, GOBIN: bin, CGO_ENABLED: '0' };
  const { status, stderr } = spawnSync(go, ['install', `github.com/nats-io/natscli/nats@${VERSION}`], {
    env,
    encoding: 'utf8',
    timeout: INSTALL_MS,
  });
  if (status !== 0) console.warn(`the nats command line could not be built; a stand-in is used: ${stderr}`);
  return status === 0;
}

function standIn(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = join(__dirname, 'nats-stand-in.cjs');
  writeFileSync(join(bin, 'nats'), `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  chmodSync(join(bin, 'nats'), 0o755);
  return bin;
}
