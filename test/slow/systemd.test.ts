/**
 * deploy/systemd without a running systemd: `systemd-analyze` reads the unit, and its command runs as a plain process and
 * is stopped by its signal. The sandbox of the unit is not tested. Needs `systemd-analyze` on the PATH.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asProcess } from '../support/compose';
import { eventually } from '../support/eventually';
import { STORY_CONFIG } from '../support/host';
import { ROOT } from '../support/markdown';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const UNIT = readFileSync(join(ROOT, 'deploy/systemd/jetplug.service'), 'utf8');
/** The unit with its secret, as an operator makes it. */
const WITH_SECRET = UNIT.replace(/^#(LoadCredential|Environment)=/gm, '$1=');
/** Of 10; the scale of systemd calls 2 and less “OK”, and more “MEDIUM” from 4.5 on. */
const MOST_EXPOSED = 2;
const READY_MS = 20_000;

const scene = new Scene();
afterAll(() => scene.end());

test.each([
  ['the unit', UNIT],
  ['the unit with a secret', WITH_SECRET],
])('systemd finds no mistake in %s', (_name, unit) => {
  // The program exists on the tests' machine, at another path.
  expect(analyze(unit.replace('/usr/bin/node', process.execPath), 'verify')).toEqual({ status: 0, printed: '' });
});

test('systemd finds a misspelt setting', () => {
  const { printed } = analyze(UNIT.replace('KillMode', 'KilMode'), 'verify');
  expect(printed).toMatch(/Unknown key .*KilMode/);
});

test('systemd calls the exposure of the service OK', () => {
  const { printed } = analyze(UNIT, 'security', '--offline=yes');
  const [, exposure] = /exposure level for \S+: ([\d.]+) /.exec(printed)!;
  expect(Number(exposure)).toBeLessThanOrEqual(MOST_EXPOSED);
});

test('the command of the unit runs a host in a project, and its signal ends the host with exit code 0', async () => {
  const { url } = await scene.server();
  const project = scene.folder({
    ...STORY_CONFIG,
    'plugins/seen.plugin.ts': pluginSource('Seen', `  @Subscribe('video.seen') handle(_event: any) {}`),
  });
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(ROOT, join(project, 'node_modules/jetplug'));
  const [node, ...args] = setting('ExecStart').split(' ');
  expect(node).toBe('/usr/bin/node');
  const [name, value] = setting('Environment').split('=');
  const env = {
    PATH: process.env['PATH'],
    [name!]: value,
    JETPLUG_NATS_SERVERS: url,
    JETPLUG_HTTP_LISTEN: '127.0.0.1:0',
  };
  const host = asProcess(spawn(process.execPath, args, { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] }));
  try {
    await eventually(() => host.log.some(({ msg }) => msg === 'ready'), READY_MS);
    expect(await host.end(setting('KillSignal') as NodeJS.Signals)).toBe(0);
  } finally {
    await host.end('SIGKILL');
  }
});

function setting(name: string): string {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(UNIT)![1]!;
}

function analyze(unit: string, ...args: readonly string[]): { status: number | null; printed: string } {
  const file = join(scene.folder(), 'jetplug.service');
  writeFileSync(file, unit);
  const { status, stdout, stderr, error } = spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
  if (error)
    throw new Error('systemd-analyze is not on the PATH: `apt-get install systemd` installs it', { cause: error });
  return { status, printed: stdout + stderr };
}
