import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { DemoFigures } from '../../examples/demo';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { MAIN, plainEnv } from '../support/host';
import { natsServerBinary } from '../support/nats-server';
import { Scene } from '../support/scene';

const OTHERS = ['analytics', 'badge', 'notification', 'ranking', 'user-preferences'];
const REQUESTS = 6;

const scene = new Scene();
/** The temporary folder of one run. All files of the run are in it, and every process of the run has its path. */
let temp: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  temp = scene.folder();
  env = { TMPDIR: temp, JETPLUG_DEMO_QUICK: '1', JETPLUG_NATS_EMBEDDED_BINARY: await natsServerBinary() };
});
afterEach(() => scene.end());

test('the claims of the demo hold, on its own broker, with any config of its user', async () => {
  const cwd = scene.folder({ 'config/local.yaml': 'nats: { servers: [nats://127.0.0.1:1] }' });
  const variables = { ...env, JETPLUG_NATS_SERVERS: 'nats://127.0.0.1:1', JETPLUG_PLUGINS_WATCH: 'false' };
  const result = await jetplug(['demo', '--requests', String(REQUESTS), '--json'], { cwd, env: variables });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const { responseTimes, dropIn, mlOutage, claims, hostErrors, broker } = result.json<DemoFigures>();

  expect(claims.filter(({ held }) => !held)).toEqual([]);
  expect(hostErrors).toEqual([]);
  expect(broker.kind).toBe('embedded');

  // Act 1: nobody's playback fails, and publishing is faster than calling six services.
  expect(responseTimes.chain.answers).toEqual({ 200: REQUESTS });
  expect(responseTimes.jetplug.answers).toEqual({ 200: REQUESTS });
  expect(responseTimes.jetplug.p50Ms).toBeLessThan(responseTimes.chain.p50Ms);
  expect(Object.keys(responseTimes.handled)).toHaveLength(5);
  expect(Object.keys(responseTimes.handled)).not.toContain('badge');
  expect(new Set(Object.values(responseTimes.handled))).toEqual(new Set([REQUESTS]));

  // Act 2: the added plugin counts every watch, also those from before.
  expect(dropIn.published).toBeGreaterThan(REQUESTS);
  expect(dropIn.counted).toBe(dropIn.published);
  expect(dropIn.firstHandledMs).toBeGreaterThan(0);
  expect(dropIn.handled).toEqual(each([...OTHERS, 'recommendation'], dropIn.published));

  // Act 3: the chain fails after its timeouts. On Jetplug one plugin waits, and catches up.
  expect(mlOutage.chain.answers).toEqual({ 502: REQUESTS });
  expect(mlOutage.jetplug.answers).toEqual({ 200: REQUESTS });
  expect(mlOutage.jetplug.p99Ms).toBeLessThan(mlOutage.chain.p50Ms);
  expect(mlOutage.published).toBe(dropIn.published + REQUESTS);
  expect(mlOutage.handled).toEqual({ ...each(OTHERS, mlOutage.published), recommendation: dropIn.published });
  expect(mlOutage.waiting).toBe(REQUESTS);
  expect(mlOutage.caughtUpMs).toBeGreaterThan(0);
  expect(mlOutage.deadLettered).toBe(0);

  expectNothingLeft();
});

test('Ctrl-C during a run cleans up', async () => {
  // A process group of its own, as in a terminal, gets the signal.
  const child = spawn(process.execPath, [MAIN, 'demo'], {
    cwd: temp,
    env: { ...plainEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await eventually(() => said.includes('A viewer presses play'), 20_000);
  process.kill(-child.pid!, 'SIGINT');
  expect(await ended).toBe(130);
  expect(said).toMatch(/stopped by SIGINT\n$/);
  expectNothingLeft();
});

test('it reports why the host cannot start, and leaves nothing behind', async () => {
  const result = await jetplug(['demo'], { env: { ...env, JETPLUG_NATS_EMBEDDED_BINARY: '/no/nats-server' } });
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.stderr).toMatch(/^the host did not start\n.*\/no\/nats-server/);
  expectNothingLeft();
});

test('an invalid number of requests is refused', async () => {
  const result = await jetplug(['demo', '--requests', 'many'], { env });
  expect(result).toMatchObject({ code: 1, stdout: '', stderr: '--requests takes a whole number from 1, not many\n' });
});

function each(plugins: readonly string[], count: number): Record<string, number> {
  return Object.fromEntries(plugins.map((plugin) => [plugin, count]));
}

function expectNothingLeft(): void {
  expect(readdirSync(temp)).toEqual([]);
  const mark = `TMPDIR=${temp}`;
  const pids = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  expect(pids.filter((pid) => environmentOf(pid).includes(mark)).map(Number)).toEqual([]);
}

/** Empty for a process that has ended or belongs to another user. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
