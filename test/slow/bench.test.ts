import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Row } from '../../bench/core/rows';
import { plainEnv } from '../support/host';
import { ROOT } from '../support/markdown';
import { natsServerBinary } from '../support/nats-server';
import { Scene } from '../support/scene';

const SUBJECTS = ['documented', 'best', 'jetplug', 'jetplug-async', 'jetplug-batch'];

const scene = new Scene();
/** The temporary folder of one run. */
let temp: string;
beforeEach(() => (temp = scene.folder()));
afterEach(() => scene.end());

test('with --json the benchmark prints one row for each subject, and nothing else', async () => {
  const { code, stdout, stderr } = await bench('--cases', 'drain', '--rounds', '1', '--events', '2000', '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const rows = JSON.parse(stdout) as Row[];
  expect(rows.filter((row) => row.case === 'drain').map(({ subject }) => subject)).toEqual(SUBJECTS);
  for (const { case: name, subject, unit, ...figures } of rows) {
    expect(name).toMatch(/^drain( CPU| memory)?$/);
    expect(SUBJECTS).toContain(subject);
    expect(unit).toEqual(expect.any(String));
    expect(Object.keys(figures)).toEqual(['median', 'min', 'max', 'ratioToBest', 'ratioToDocumented']);
    for (const figure of Object.values(figures)) expect(figure).toBeGreaterThan(0);
    expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  }
  expect(readdirSync(temp)).toEqual([]);
}, 60_000);

test('an unknown case is refused with a list of the cases', async () => {
  const { code, stdout, stderr } = await bench('--cases', 'drain,rain');
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/there is no case "rain"; the cases are: drain, fan-out, /);
});

test('the measurement of several hosts prints one line of JSON for each part', async () => {
  const { code, stdout } = await run('hosts', '--plugins', '3', '--events', '500', '--hosts', '2', '--idle', '1');
  const lines = stdout.trim().split('\n');
  const figures = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect({ code, lines: lines.length }).toEqual({ code: 0, lines: 9 });
  expect(figures[0]).toMatchObject({ plugin: 'count', plugins: 3, hosts: 2 });
  expect(figures[1]).toMatchObject({ plugin: 'keyed', plugins: 3, hosts: 2, held: [1, 2] });
  for (const { work, perSecond } of figures.slice(2)) {
    expect({ work, perSecond }).toEqual({ work: expect.any(String), perSecond: expect.any(Number) });
  }
  expect(readdirSync(temp)).toEqual([]);
}, 120_000);

const bench = (...args: string[]) => run('main', ...args);

async function run(program: string, ...args: string[]) {
  const env = { ...plainEnv(), TMPDIR: temp, JETPLUG_NATS_EMBEDDED_BINARY: await natsServerBinary() };
  const child = spawn(process.execPath, [join(ROOT, `dist/bench/${program}.js`), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await ended;
  return { code: child.exitCode, stdout, stderr };
}
