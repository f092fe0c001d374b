import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinary } from '../../host/nats-server/find-binary';
import { probe } from '../../host/nats-server/probe';

/** A real nats-server with JetStream, its data in a temp folder, for one test file or test. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Such as `2.15.2`. */
  readonly version: string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** Kills it (SIGKILL). Its data stay. */
  kill(): Promise<void>;
  /** Freezes it (SIGSTOP): its connections stay open and get no answer. */
  freeze(): void;
  /** Resumes it after `freeze`. */
  thaw(): void;
  /** Its log so far. */
  log(): string;
  /** Adds settings to its config and reloads it (SIGHUP). */
  reconfigure(settings: object): void;
  /** Removes its data, after `kill`. */
  wipe(): void;
  /**
   * Copies the data of a stream, after `kill`. Returns a function that puts the copy back in place of the data, after
   * another `kill`.
   */
  copyStream(stream: string): () => void;
  /** Starts it again on its port and data, after `kill`. */
  restart(): Promise<void>;
}

const READY_MS = 10_000;

/**
 * Starts a server on a free port in some tens of ms. It ends with the test's process at the latest.
 * @param settings further settings of its config: a map, or text in the syntax of nats-server
 */
export async function startTestServer(settings: object | string = {}): Promise<TestServer> {
  const binary = await natsServerBinary();
  const folder = mkdtempSync(join(tmpdir(), 'jetplug-nats-'));
  let server = await launch(binary, folder, -1, settings);
  return {
    url: `nats://127.0.0.1:${server.port}`,
    port: server.port,
    version: server.version,
    async stop() {
      await end(server.child, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
    kill: () => end(server.child, 'SIGKILL'),
    log: () => readIfThere(join(folder, 'server.log')),
    freeze: () => void server.child.kill('SIGSTOP'),
    thaw: () => void server.child.kill('SIGCONT'),
    reconfigure(changed) {
      settings = changed;
      writeConfig(folder, server.port, settings);
      server.child.kill('SIGHUP');
    },
    wipe: () => rmSync(join(folder, 'jetstream'), { recursive: true }),
    copyStream(stream) {
      const data = join(folder, 'jetstream', '$G', 'streams', stream);
      const copy = mkdtempSync(join(folder, 'copy-'));
      cpSync(data, copy, { recursive: true });
      return () => {
        rmSync(data, { recursive: true, force: true });
        cpSync(copy, data, { recursive: true });
      };
    },
    async restart() {
      server = await launch(binary, folder, server.port, settings);
    },
  };
}

let found: Promise<string> | undefined;

/** The nats-server binary of the tests: JETPLUG_NATS_SERVER, or the one that a host would find. */
export function natsServerBinary(): Promise<string> {
  found ??= find();
  return found;
}

async function find(): Promise<string> {
  const configured = process.env['JETPLUG_NATS_SERVER'];
  if (configured !== undefined && configured !== '') return configured;
  const said: string[] = [];
  try {
    return (await findBinary({ configured: '', say: (line) => said.push(line) })).path;
  } catch (cause) {
    throw new Error(`no nats-server to test with:\n${said.join('\n')}`, { cause });
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly version: string;
}

async function launch(binary: string, folder: string, port: number, settings: object | string): Promise<Running> {
  const { config, log } = writeConfig(folder, port, settings);
  const child = spawn(binary, ['-c', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  const killAtExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.off('exit', killAtExit));
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  try {
    return { child, ...(await untilReady(child, portsFile(binary, folder, child), settings)) };
  } catch (cause) {
    await end(child, 'SIGKILL');
    throw new Error(`${binary} did not come up: ${readIfThere(log)}`, { cause });
  }
}

function writeConfig(folder: string, port: number, settings: object | string): { config: string; log: string } {
  const config = join(folder, 'server.conf');
  const log = join(folder, 'server.log');
  // The server's default limit, a share of the free disk, may be too small for a test.
  const jetstream = { store_dir: folder, max_file_store: 1024 ** 4 };
  const own = { listen: `127.0.0.1:${port}`, ports_file_dir: folder, log_file: log, jetstream };
  const isText = typeof settings === 'string';
  const lines = Object.entries(own).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  writeFileSync(config, isText ? [...lines, settings].join('\n') : JSON.stringify({ ...own, ...settings }));
  return { config, log };
}

async function untilReady(
  child: ChildProcess,
  ports: string,
  settings: object | string,
): Promise<Omit<Running, 'child'>> {
  const { jetstream, tls } = (typeof settings === 'string' ? {} : settings) as {
    jetstream?: object | false;
    tls?: { handshake_first?: boolean };
  };
  for (const began = Date.now(); Date.now() - began < READY_MS; await sleep(5)) {
    if (hasEnded(child)) throw new Error('it ended');
    const port = Number(/:(\d+)"/.exec(readIfThere(ports))?.[1]);
    if (Number.isNaN(port)) continue;
    // It sends no greeting in plain text.
    if (tls?.handshake_first) return { port, version: '' };
    const answer = await probe('127.0.0.1', port);
    if (answer.kind === 'nats' && (answer.jetStream || jetstream === false)) return { port, version: answer.version };
  }
  throw new Error(`it does not answer within ${READY_MS} ms`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  // A frozen process receives the signal only after SIGCONT.
  child.kill('SIGCONT');
  const late = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  await ended;
  clearTimeout(late);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function portsFile(binary: string, folder: string, child: ChildProcess): string {
  return join(folder, `${binary.split(/[\\/]/).at(-1)}_${child.pid}.ports`);
}

function readIfThere(file: string): string {
  return statSync(file, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(file, 'utf8');
}
