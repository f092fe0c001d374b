import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { endProcesses, haveEnded, identify, isAlive } from '../../../host/nats-server/process-identity';

test('a process is alive until it has ended', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'inherit'] });
  await once(child, 'spawn');
  const identity = identify(child.pid ?? 0);
  expect(identity).toBeDefined();
  if (identity === undefined) return;
  expect(isAlive(identity)).toBe(true);
  expect(await haveEnded([identity], 0)).toBe(false);
  const exit = once(child, 'exit');
  child.stdin.end();
  expect(await haveEnded([identity], 5_000)).toBe(true);
  await exit;
  expect(identify(identity.pid)).toBeUndefined();
});

test('a later process with the same number is another one', () => {
  const self = identify(process.pid);
  expect(self).toBeDefined();
  expect(isAlive({ pid: process.pid, start: self?.start ?? '' })).toBe(true);
  expect(isAlive({ pid: process.pid, start: `${self?.start}0` })).toBe(false);
});

test('a process that has ended is not alive, also as a zombie', async () => {
  // The shell's child ends when the pipe closes; the shell has become `sleep` by then, which never waits for it.
  const parent = spawn('/bin/sh', ['-c', 'exec 3<&0; head -c 1 <&3 & echo $!; exec sleep 60'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const zombie = Number(line.toString());
  try {
    await until(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n');
    expect(identify(zombie)).toBeDefined();
    parent.stdin.end();
    await until(() => identify(zombie) === undefined);
    expect(() => process.kill(zombie, 0)).not.toThrow();
  } finally {
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  }
});

test('a process that ignores SIGTERM is ended by SIGKILL, and no other one', async () => {
  const program = "process.on('SIGTERM', () => {}); process.stdout.write('ready'); setInterval(() => {}, 1000)";
  const stubborn = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(stubborn.stdout, 'data');
  const identity = identify(stubborn.pid ?? 0);
  if (identity === undefined) throw new Error('it is not there');
  const exit = once(stubborn, 'exit');

  await endProcesses([{ ...identity, start: 'another time' }], 50);
  expect(isAlive(identity)).toBe(true);

  await endProcesses([identity], 50);
  expect(await exit).toEqual([null, 'SIGKILL']);
});

async function until(condition: () => boolean): Promise<void> {
  for (const began = Date.now(); !condition(); await new Promise(setImmediate)) {
    if (Date.now() - began > 10_000) throw new Error('it does not come about');
  }
}
