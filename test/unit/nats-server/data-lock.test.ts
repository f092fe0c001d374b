import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  findHolder,
  removeIfLifeless,
  runningBrokerUrl,
  tryLock,
  type LockRecord,
} from '../../../host/nats-server/data-lock';
import { identify, processSpace, type ProcessIdentity } from '../../../host/nats-server/process-identity';

let data: string;
const DEAD: ProcessIdentity = { pid: process.pid, start: 'before' };

beforeEach(() => {
  data = join(mkdtempSync(join(tmpdir(), 'jetplug-lock-')), 'data');
});

afterEach(() => {
  rmSync(join(data, '..'), { recursive: true, force: true });
});

test('the first host takes the lock, and the second one after its release', () => {
  const first = tryLock(data);
  expect(first).toBeDefined();
  expect(tryLock(data)).toBeUndefined();
  first?.release();
  const second = tryLock(data);
  expect(second).toBeDefined();
  second?.release();
  expect(readdirSync(data)).toEqual([]);
});

test('the lock has the broker’s address while the broker runs', () => {
  const lock = tryLock(data);
  expect(runningBrokerUrl(data)).toBeUndefined();
  lock?.note({ url: 'nats://127.0.0.1:1', name: 'n' });
  expect(runningBrokerUrl(data)).toBe('nats://127.0.0.1:1');
  expect(findHolder(data)).toMatchObject({ state: 'live', record: { owner: { pid: process.pid }, name: 'n' } });
  lock?.note({ url: undefined });
  expect(runningBrokerUrl(data)).toBeUndefined();
  lock?.release();
  expect(findHolder(data)).toBeUndefined();
});

test('the lock of a dead host is free, also when another process has its number', () => {
  leaveLock({ owner: DEAD, url: 'nats://127.0.0.1:1' });
  expect(runningBrokerUrl(data)).toBeUndefined();
  expect(findHolder(data)).toBeUndefined();
  const lock = tryLock(data);
  expect(lock).toBeDefined();
  lock?.release();
});

test('the lock of a dead host stays while its broker runs', async () => {
  const broker = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'inherit'] });
  await once(broker, 'spawn');
  leaveLock({ owner: DEAD, watchdog: DEAD, broker: identify(broker.pid ?? 0), url: 'nats://127.0.0.1:1' });
  expect(findHolder(data)?.state).toBe('orphaned');
  expect(runningBrokerUrl(data)).toBeUndefined();
  expect(tryLock(data)).toBeUndefined();
  broker.stdin.end();
  await once(broker, 'exit');
  const lock = tryLock(data);
  expect(lock).toBeDefined();
  lock?.release();
});

test('the lock is not released while the broker runs', () => {
  const lock = tryLock(data);
  lock?.note({ broker: identify(process.pid) });
  expect(() => lock?.release()).toThrow('still runs');
  expect(tryLock(data)).toBeUndefined();
  lock?.note({ broker: undefined });
  lock?.release();
});

test('a truncated record and unknown files do not block the lock', () => {
  mkdirSync(join(data, 'lock'), { recursive: true });
  writeFileSync(join(data, 'lock', 'owner-1.json'), '');
  writeFileSync(join(data, 'lock', 'owner-2.json'), '{"owner":');
  writeFileSync(join(data, 'lock', '.DS_Store'), 'x');
  const lock = tryLock(data);
  expect(lock).toBeDefined();
  expect(readdirSync(join(data, 'lock'))).toHaveLength(1);
  lock?.release();
});

test('a lock from another machine is valid as long as its heartbeat continues', async () => {
  const file = leaveLock({ owner: DEAD, space: 'another container' });
  const holder = findHolder(data);
  expect(holder?.state).toBe('foreign');
  expect(tryLock(data)).toBeUndefined();
  if (holder === undefined) return;

  const watched = removeIfLifeless(holder, 50);
  utimesSync(file, new Date(), new Date());
  expect(await watched).toBe(false);
  expect(tryLock(data)).toBeUndefined();

  expect(await removeIfLifeless(holder, 50)).toBe(true);
  const lock = tryLock(data);
  expect(lock).toBeDefined();
  lock?.release();
});

test('the folders of hosts that were killed while they took the lock are removed, and nothing else', () => {
  mkdirSync(join(data, 'lock-999999999-abandoned'), { recursive: true });
  mkdirSync(join(data, `lock-${process.pid}-at-work`));
  writeFileSync(join(data, 'nats-server.log'), '');
  const lock = tryLock(data);
  expect(readdirSync(data).sort()).toEqual(['lock', `lock-${process.pid}-at-work`, 'nats-server.log']);
  lock?.release();
});

test('a data folder that cannot be created is an error', () => {
  writeFileSync(data, 'a file');
  expect(() => tryLock(data)).toThrow(/EEXIST|ENOTDIR/);
  expect(() => findHolder(data)).toThrow('ENOTDIR');
});

test('a lock whose folder was removed can still be noted on and released', () => {
  const lock = tryLock(data);
  rmSync(data, { recursive: true });
  lock?.note({ url: 'nats://127.0.0.1:1' });
  lock?.release();
  expect(existsSync(data)).toBe(false);
});

function leaveLock(record: Partial<LockRecord>): string {
  const folder = join(data, 'lock');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'owner-left.json');
  writeFileSync(file, JSON.stringify({ space: processSpace(), ...record }));
  const past = new Date(Date.now() - 60_000);
  utimesSync(file, past, past);
  return file;
}
