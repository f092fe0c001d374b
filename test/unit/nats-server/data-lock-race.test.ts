import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { tryLock } from '../../../host/nats-server/data-lock';

/** Built before the tests run. */
const DATA_LOCK = resolve(__dirname, '../../../dist/host/nats-server/data-lock.js');
const RACERS = 6;
const RACE_MS = 4_000;

/**
 * Takes the lock again and again. While it has it, it listens on the port that only one process can have, and
 * that the system frees when a process is killed, so two owners at once are always noticed.
 */
const RACER = `
  const { appendFileSync } = require('node:fs');
  const { createServer } = require('node:net');
  const { tryLock } = require(${JSON.stringify(DATA_LOCK)});
  const [data, port, log] = process.argv.slice(2);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  process.send('ready');
  (async () => {
    for (;;) {
      const lock = tryLock(data);
      if (lock === undefined) { await pause(Math.random() * 3); continue; }
      const witness = createServer();
      await new Promise((resolve) => {
        witness.once('error', (error) => { appendFileSync(log, 'two owners: ' + error.code + '\\n'); resolve(); });
        witness.listen(Number(port), '127.0.0.1', resolve);
      });
      lock.note({ url: 'nats://127.0.0.1:' + port });
      await pause(Math.random() * 4);
      appendFileSync(log, 'taken\\n');
      await new Promise((resolve) => witness.close(resolve));
      lock.release();
    }
  })();
`;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-lock-race-'));
  writeFileSync(join(folder, 'racer.js'), RACER);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('no two of many hosts that are killed and frozen at random own the data at once', async () => {
  const [data, log] = [join(folder, 'data'), join(folder, 'log')];
  const args = [data, String(await freePort()), log];
  const racers = await Promise.all(Array.from({ length: RACERS }, () => startRacer(args)));
  const random = fc.sample(fc.record({ at: fc.nat(RACERS - 1), freeze: fc.boolean(), ms: fc.nat(80) }), 400);

  let turns = 0;
  for (const began = Date.now(); Date.now() - began < RACE_MS;) {
    const { at, freeze, ms } = random[turns % random.length] ?? { at: 0, freeze: false, ms: 50 };
    const victim = racers[at];
    if (victim === undefined) continue;
    if (freeze) victim.kill('SIGSTOP');
    await sleep(ms);
    if (freeze) victim.kill('SIGCONT');
    else {
      await kill(victim);
      racers[at] = await startRacer(args);
    }
    turns += 1;
  }
  await Promise.all(racers.map(kill));

  const lines = readFileSync(log, 'utf8').trim().split('\n');
  expect(lines.filter((line) => line !== 'taken')).toEqual([]);
  expect(lines.length).toBeGreaterThan(turns);
  const lock = tryLock(data);
  expect(lock).toBeDefined();
  lock?.release();
}, 60_000);

async function startRacer(args: string[]): Promise<ChildProcess> {
  const racer = fork(join(folder, 'racer.js'), args);
  const ended = once(racer, 'exit').then(([code]) => Promise.reject(new Error(`a racer ended with ${code}`)));
  await Promise.race([once(racer, 'message'), ended]);
  ended.catch(() => undefined); // it is killed later
  return racer;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) throw new Error('a racer ended by itself');
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
