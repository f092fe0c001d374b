import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { haveEnded, identify, type ProcessIdentity } from '../../../host/nats-server/process-identity';
import { startWatchdog, type WatchdogProcess } from '../../../host/nats-server/start-watchdog';
import type { WatchdogOrder, WatchdogReport } from '../../../host/nats-server/watchdog';

const ENDS_GRACEFULLY = "process.on('SIGTERM', () => { console.log('drained'); process.exit(0); });";
const IGNORES_SIGTERM = "process.on('SIGTERM', () => undefined);";
const GOES_ON = "setInterval(() => undefined, 1000); console.log('up');";

let folder: string;
let watchdog: WatchdogProcess;
let reports: AsyncIterator<string>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-watchdog-'));
  watchdog = await startWatchdog();
  reports = createInterface(watchdog.stdout)[Symbol.asyncIterator]();
});

afterEach(async () => {
  if (watchdog.exitCode === null && watchdog.signalCode === null) {
    watchdog.stdin.destroy();
    await once(watchdog, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

test('the watchdog ends the server gracefully when the pipe closes, then itself', async () => {
  const server = await orderUp(ENDS_GRACEFULLY);
  watchdog.stdin.end();
  expect(await next()).toEqual({ ended: 'exit code 0' });
  expect(await haveEnded([server], 5_000)).toBe(true);
  expect(log()).toBe('up\ndrained\n');
});

test('the watchdog ends the server when the host is killed, which closes both pipes', async () => {
  const server = await orderUp(ENDS_GRACEFULLY);
  watchdog.stdin.destroy();
  watchdog.stdout.destroy();
  await once(watchdog, 'exit');
  expect(await haveEnded([server], 0)).toBe(true);
});

test('a server that ignores SIGTERM is killed', async () => {
  await orderUp(IGNORES_SIGTERM, 50);
  watchdog.stdin.end();
  expect(await next()).toEqual({ ended: 'signal SIGKILL' });
});

test('the watchdog reports a server that ends by itself, and ends too', async () => {
  order({ command: process.execPath, args: ['-e', 'console.error("no room"); process.exit(3)'] });
  expect(await next()).toEqual({ started: expect.any(Number) });
  go();
  expect(await next()).toEqual({ ended: 'exit code 3' });
  if (watchdog.exitCode === null) await once(watchdog, 'exit');
  expect(log()).toBe('no room\n');
});

test('the watchdog reports a server that cannot be started', async () => {
  order({ command: join(folder, 'missing'), args: [] });
  expect(await next()).toEqual({ started: expect.any(Number) });
  go();
  expect(await next()).toEqual({ ended: 'exit code 127' });
  expect(log()).toContain('not found');
});

test('a server without the line go ends with its watchdog and has done nothing', async () => {
  order({ command: process.execPath, args: ['-e', GOES_ON] });
  const report = await next();
  const server = 'started' in report ? identify(report.started) : undefined;
  watchdog.kill('SIGKILL');
  expect(server !== undefined && (await haveEnded([server], 5_000))).toBe(true);
  expect(log()).toBe('');
});

test('the server has the process number that was reported before the line go', async () => {
  const server = await orderUp(`console.log(process.pid);${GOES_ON}`);
  expect(log()).toContain(String(server.pid));
});

test('the watchdog reports a log that cannot be opened', async () => {
  order({ command: process.execPath, args: [], logFile: join(folder, 'missing', 'log') });
  expect(await next()).toEqual({ ended: expect.stringContaining('ENOENT') });
});

test('the watchdog ends when the host dies before its order', async () => {
  watchdog.stdin.end();
  expect(await next()).toEqual({ ended: 'it was not started' });
  if (watchdog.exitCode === null) expect(await once(watchdog, 'exit')).toEqual([0, null]);
});

test('the watchdog runs in a session of its own, which Ctrl-C on the terminal does not reach', () => {
  const fields = readFileSync(`/proc/${watchdog.pid}/stat`, 'utf8').split(') ')[1]?.split(' ');
  expect(fields?.[3]).toBe(String(watchdog.pid)); // The session's number.
});

async function orderUp(program: string, killAfterMs = 10_000): Promise<ProcessIdentity> {
  order({ command: process.execPath, args: ['-e', program + GOES_ON], killAfterMs });
  const report = await next();
  const server = 'started' in report ? identify(report.started) : undefined;
  if (server === undefined) throw new Error('it did not start');
  go();
  for (const began = Date.now(); log() === ''; await new Promise(setImmediate)) {
    if (Date.now() - began > 10_000) throw new Error('it does not come up');
  }
  return server;
}

function order(given: Partial<WatchdogOrder>): void {
  const whole = { logFile: join(folder, 'log'), killAfterMs: 10_000, ...given };
  watchdog.stdin.write(`${JSON.stringify(whole)}\n`);
}

function go(): void {
  watchdog.stdin.write('"go"\n');
}

async function next(): Promise<WatchdogReport> {
  const { value } = await reports.next();
  return JSON.parse(value as string) as WatchdogReport;
}

function log(): string {
  return readFileSync(join(folder, 'log'), 'utf8');
}
