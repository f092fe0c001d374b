/**
 * docker-compose.yml and the Dockerfile, without a container engine: the files are read, and their commands run as
 * plain processes. The containers' paths and addresses are replaced by temporary folders and loopback addresses.
 */
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { findBinary } from '../../host/nats-server/find-binary';
import { PINNED_VERSION } from '../../host/nats-server/version';
import { jetplug } from '../support/cli';
import { composeValidator } from '../support/compose-schema';
import { layOut, readDockerfile } from '../support/dockerfile';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS } from '../support/host';
import { natsServerBinary } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { each, handled } from '../support/story';

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly read_only?: boolean;
  readonly healthcheck: { readonly test: readonly string[] };
}

/** The output of nats-server about its addresses. */
interface Ports {
  readonly nats: readonly string[];
  readonly monitoring: readonly string[];
}

interface RunningHost {
  readonly child: ChildProcess;
  readonly url: string;
  /** The working folder, with a copy of its files at the start. */
  readonly folder: string;
  readonly files: readonly string[];
  readonly log: readonly LogLine[];
}

type LogLine = Record<'msg' | 'http' | 'plugin', string>;

const READY_MS = 20_000;
const ROOT = join(__dirname, '..', '..');
const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as {
  services: Record<'nats' | 'jetplug', Service>;
};
const { nats, jetplug: host } = compose.services;
const image = readDockerfile(join(ROOT, 'Dockerfile'));

const scene = new Scene();
const started: ChildProcess[] = [];
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await Promise.all(started.map(ended));
  await scene.end();
});

test('docker-compose.yml fits the schema of the Compose Specification', () => {
  const valid = composeValidator();
  expect(valid(compose) ? [] : valid.errors).toEqual([]);
  expect(valid({ services: { nats: { ...nats, portz: [] } } })).toBe(false);
});

test('the broker is the version that the host would fetch', () => {
  expect(nats.image).toBe(`nats:${PINNED_VERSION}-alpine`);
});

test.each(Object.entries(compose.services))(
  '%s is reached from this machine only, and writes to its volumes only',
  (_name, service) => {
    expect(service.ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    expect(service.read_only).toBe(true);
    const mounts = service.volumes.filter((volume) => volume.startsWith('./')).map((volume) => volume.split(':'));
    expect(mounts.filter(([source, , mode]) => !existsSync(join(ROOT, source!)) || mode !== 'ro')).toEqual([]);
  },
);

test('the commands of both containers run: the host becomes ready and handles an event', async () => {
  const broker = await runBroker();
  const healthUrl = replaceAll(nats.healthcheck.test.at(-1)!, { ':8222': `:${broker.monitor}` });
  expect((await fetch(healthUrl)).status).toBe(200);

  const addresses = { 'nats:4222': `127.0.0.1:${broker.port}`, '0.0.0.0:8300': '127.0.0.1:0' };
  // On loopback the host needs no token, so the variable is not set.
  const running = await runHost({ ...addresses, '${JETPLUG_HTTP_OPERATOR_TOKEN:-}': '' });
  const healthy = async ([node, ...args]: readonly string[]): Promise<boolean> => {
    expect(node).toBe('node');
    const port = { ':8300': `:${portOf(running.url)}` };
    return (
      (await ended(
        run(
          process.execPath,
          args.map((word) => replaceAll(word, port)),
        ),
      )) === 0
    );
  };
  const [, ...readiness] = host.healthcheck.test;
  expect(await healthy(readiness)).toBe(true);
  expect(await healthy(image.healthCommand)).toBe(true);

  const fields = '{"user_id":"u1","video_id":"v1"}';
  const flags = ['--servers', `nats://127.0.0.1:${broker.port}`, '--plugins', STORY_PLUGINS];
  const published = await jetplug(['publish', 'video.watch_started', fields, ...flags]);
  expect(published).toMatchObject({ code: 0, stderr: '' });
  await eventually(async () => expect(await handled(running)).toMatchObject(each(1)) === undefined);
  // Its file system is read-only.
  expect(filesOf(running.folder)).toEqual(running.files);

  running.child.kill('SIGTERM');
  expect(await ended(running.child)).toBe(0);
  expect(await healthy(readiness)).toBe(false);
  expect(await healthy(image.healthCommand)).toBe(false);
});

describe('plugins with packages of their own', () => {
  const IN_IMAGE = 'installed-with-the-image';
  const LATER = 'installed-later';

  test('plugins/package.json brings them into the image, and a running host loads a plugin when its package is there', async () => {
    const folder = scene.folder();
    layOut(image, ROOT, folder);
    const plugins = join(folder, 'plugins');
    writeFileSync(join(plugins, 'package.json'), '{ "private": true }');
    npm(plugins, 'install', packed(IN_IMAGE));
    rmSync(join(plugins, 'node_modules'), { recursive: true });
    writeFileSync(join(plugins, 'early.plugin.ts'), pluginUsing(IN_IMAGE));
    runInImage(image.runs.at(-1)!, folder);

    const { port } = await runBroker();
    const addresses = { 'nats:4222': `127.0.0.1:${port}`, '0.0.0.0:8300': '127.0.0.1:0' };
    const { log, child } = await runHost({ ...addresses, '${JETPLUG_HTTP_OPERATOR_TOKEN:-}': '' }, folder);
    const logged = (msg: string, plugin: string): boolean =>
      log.some((line) => line.msg === msg && line.plugin === plugin);
    expect(logged(`${IN_IMAGE} speaks`, 'early')).toBe(true);

    writeFileSync(join(plugins, 'late.plugin.ts'), pluginUsing(LATER));
    await eventually(() => logged('a plugin fails', 'late'));
    npm(plugins, 'install', packed(LATER));
    await eventually(() => logged(`${LATER} speaks`, 'late'));
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(0);
  });

  /** The tarball of a package that exports its name. */
  function packed(name: string): string {
    const folder = scene.folder({
      'package.json': JSON.stringify({ name, version: '1.0.0' }),
      'index.js': `exports.speech = '${name} speaks';`,
    });
    npm(folder, 'pack');
    return join(folder, `${name}-1.0.0.tgz`);
  }

  function pluginUsing(packageName: string): string {
    const className = packageName === LATER ? 'Late' : 'Early';
    return pluginSource(
      className,
      `  constructor(private readonly log: Logger) {}
  onStart() { this.log.info(speech, {}); }
  @Subscribe('video.spoken') handle(_event: any) {}`,
      { before: `import { speech } from '${packageName}';` },
    );
  }

  function npm(cwd: string, ...args: readonly string[]): void {
    execFileSync('npm', [...args, '--offline', '--no-audit', '--no-fund'], { cwd, stdio: 'pipe' });
  }

  /** Runs a command of the Dockerfile, with a cache folder of this test. */
  function runInImage(command: string, cwd: string): void {
    const env = { ...process.env, npm_config_audit: 'false', npm_config_offline: 'true' };
    execFileSync('sh', ['-c', replaceAll(command, { '/tmp/npm': scene.folder() })], { cwd, env, stdio: 'pipe' });
  }
});

/** The broker's config unchanged, and its command with a free port and a temporary folder. */
async function runBroker(): Promise<{ port: number; monitor: number }> {
  const folder = scene.folder();
  const binary = await findBinary({ configured: await natsServerBinary(), say: () => undefined });
  const [, ...args] = nats.command!.map((word) => onThisMachine(word, nats.volumes, folder));
  run(binary.path, [...args, '--addr', '127.0.0.1', '--port', '-1', '--http_port', '-1', '--ports_file_dir', folder]);
  const ports = await eventually(() => {
    const file = readdirSync(folder).find((name) => name.endsWith('.ports'));
    return file === undefined ? undefined : (JSON.parse(readFileSync(join(folder, file), 'utf8')) as Ports);
  });
  return { port: portOf(ports.nats[0]!), monitor: portOf(ports.monitoring[0]!) };
}

/**
 * The image's command in a folder with the image's layout, or in one that was laid out before. The addresses of its
 * environment are replaced.
 */
async function runHost(addresses: Readonly<Record<string, string>>, laidOut?: string): Promise<RunningHost> {
  const folder = laidOut ?? scene.folder();
  if (laidOut === undefined) layOut(image, ROOT, folder);
  const files = filesOf(folder);
  const environment = Object.entries(host.environment!).map(([name, value]) => [
    name,
    replaceAll(withDefaults(value), addresses),
  ]);
  const [node, ...args] = image.command;
  expect(node).toBe('node');
  const env = { PATH: process.env['PATH'], ...image.env, ...(Object.fromEntries(environment) as NodeJS.ProcessEnv) };
  const child = run(process.execPath, args, { cwd: folder, env });
  const log: LogLine[] = [];
  createInterface(child.stdout!).on('line', (line) => log.push(JSON.parse(line) as LogLine));
  const ready = await eventually(() => log.find(({ msg }) => msg === 'ready'), READY_MS);
  return { child, url: ready.http, folder, files, log };
}

/** Starts a process and ends it when the tests end, at the latest. */
function run(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], ...options });
  started.push(child);
  return child;
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** The local path of a path in a container. A named volume is a folder of that name. */
function onThisMachine(path: string, volumes: readonly string[], folder: string): string {
  for (const [source, target] of volumes.map((volume) => volume.split(':') as [string, string])) {
    if (path === target) return join(source.startsWith('./') ? ROOT : folder, source);
  }
  return path;
}

/** A value as Compose sees it if no variable is set. */
function withDefaults(value: string): string {
  return value.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}

function replaceAll(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
