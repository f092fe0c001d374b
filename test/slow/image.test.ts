/** The image of the Dockerfile, without a container engine: its commands run as plain processes in a temporary folder. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asProcess, type ComposeProcess } from '../support/compose';
import { layOut, readDockerfile } from '../support/dockerfile';
import { eventually } from '../support/eventually';
import type { LogLine } from '../support/host';
import { ROOT } from '../support/markdown';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const READY_MS = 20_000;
const image = readDockerfile(join(ROOT, 'Dockerfile'));

const scene = new Scene();
const started: ComposeProcess[] = [];
afterAll(async () => {
  await Promise.all(started.map((each) => each.end('SIGKILL')));
  await scene.end();
});

test('the command of the image runs a host that its health check finds alive, and that writes no file', async () => {
  const folder = layOutImage();
  const files = filesOf(folder);
  const { end, ready } = await runHost(folder);
  expect(await isHealthy(ready)).toBe(true);
  expect(filesOf(folder)).toEqual(files);
  expect(await end('SIGTERM')).toBe(0);
  expect(await isHealthy(ready)).toBe(false);
});

describe('plugins with packages of their own', () => {
  const IN_IMAGE = 'installed-with-the-image';
  const LATER = 'installed-later';

  test('plugins/package.json brings them into the image, and a running host loads a plugin when its package is there', async () => {
    const folder = layOutImage();
    const plugins = join(folder, 'plugins');
    writeFileSync(join(plugins, 'package.json'), '{ "private": true }');
    npm(plugins, 'install', packed(IN_IMAGE));
    rmSync(join(plugins, 'node_modules'), { recursive: true });
    writeFileSync(join(plugins, 'early.plugin.ts'), pluginUsing(IN_IMAGE));
    runInImage(image.runs.at(-1)!, folder);

    const { log, end } = await runHost(folder);
    const logged = (msg: string, plugin: string): boolean =>
      log.some((line) => line.msg === msg && line['plugin'] === plugin);
    expect(logged(`${IN_IMAGE} speaks`, 'early')).toBe(true);

    writeFileSync(join(plugins, 'late.plugin.ts'), pluginUsing(LATER));
    await eventually(() => logged('a plugin fails', 'late'));
    npm(plugins, 'install', packed(LATER));
    await eventually(() => logged(`${LATER} speaks`, 'late'));
    expect(await end('SIGTERM')).toBe(0);
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
    execFileSync('sh', ['-c', command.replaceAll('/tmp/npm', scene.folder())], { cwd, env, stdio: 'pipe' });
  }
});

function layOutImage(): string {
  const folder = scene.folder();
  layOut(image, ROOT, folder);
  return folder;
}

/** Runs the image's command in its folder, beside a server of its own. */
async function runHost(folder: string): Promise<ComposeProcess & { ready: LogLine }> {
  const { url } = await scene.server();
  const [node, ...args] = image.command;
  expect(node).toBe('node');
  const own = { JETPLUG_NATS_SERVERS: url, JETPLUG_HTTP_LISTEN: '127.0.0.1:0' };
  const env = { PATH: process.env['PATH'], ...image.env, ...own };
  const host = asProcess(spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }));
  started.push(host);
  const ready = await eventually(() => host.log.find(({ msg }) => msg === 'ready'), READY_MS);
  return { ...host, ready };
}

async function isHealthy({ http }: LogLine): Promise<boolean> {
  const { port } = new URL(http as string);
  const [node, ...args] = image.healthCommand.map((word) => word.replace(':8300', `:${port}`));
  expect(node).toBe('node');
  const [code] = (await once(spawn(process.execPath, args, { stdio: 'ignore' }), 'exit')) as [number | null];
  return code === 0;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}
