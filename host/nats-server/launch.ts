import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { JetplugError } from '../../sdk/internal';
import { showThrown } from '../base/thrown';
import type { DataLock } from './data-lock';
import type { Binary } from './find-binary';
import { probe } from './probe';
import { endProcesses, haveEnded, identify, type ProcessIdentity } from './process-identity';
import { serverConfig } from './server-config';
import { startWatchdog, type WatchdogProcess } from './start-watchdog';
import type { WatchdogLine, WatchdogReport } from './watchdog';

/** How an embedded server is started. */
export interface ServerOptions {
  readonly binary: Binary;
  /** The data folder, absolute. */
  readonly data: string;
  /** The port of the server. 0 means any free port. */
  readonly port: number;
  /** How often the server syncs its data to the disk: `always`, or a duration that nats-server takes. */
  readonly syncInterval: string;
  /**
   * The lock of the data folder. A launch adds the started processes and the address to it, for other hosts. The
   * embedded server releases it when it has ended.
   */
  readonly lock: DataLock;
  readonly say: (line: string) => void;
}

export interface LaunchOptions extends ServerOptions {
  /** Ends the launch, which then rejects. */
  readonly signal: AbortSignal;
}

/** A nats-server that answers. */
export interface Launched {
  readonly pid: number;
  readonly port: number;
  /** The name in the server's greeting, different at each launch. */
  readonly name: string;
  /** Resolves with the exit code or signal when the server or its watchdog has ended. */
  readonly ended: Promise<string>;
  /** Ends the server. Resolves when neither the server nor its watchdog runs. */
  end(): Promise<void>;
}

const HOST = '127.0.0.1';
const KILL_AFTER_MS = 10_000;
/** How long the host waits for the watchdog, which kills the server after `KILL_AFTER_MS`. */
export const WATCHDOG_WAIT_MS = KILL_AFTER_MS + 2_000;
/** The time that a server may take until it answers, because it reads all its data first. */
const READY_MS = 300_000;
const SLOW_MS = 5_000;
const POLL_MS = 10;
const LAST_LINES = 8;

/**
 * Starts nats-server under a watchdog and waits until it answers with JetStream. When it does not, no process is left
 * running.
 *
 * @throws JetplugError JP_BROKER_START_FAILED, with the last lines of the server's log.
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { binary, data, port, lock } = options;
  const name = `jetplug-${randomUUID()}`;
  const logFile = join(data, 'nats-server.log');
  const configFile = join(data, 'nats-server.conf');
  const logStart = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  let end = async (): Promise<void> => undefined;
  try {
    removePortsFiles(data);
    writeFileSync(configFile, serverConfig({ ...options, name, logFile }), { mode: 0o600 });

    const watchdog = await startWatchdog();
    const run = follow(watchdog);
    const guard = identify(watchdog.pid ?? 0);
    const started = [guard];
    end = () => endRun(watchdog, run, started);
    lock.note({ watchdog: guard, broker: undefined, url: undefined, name });

    run.send({ command: binary.path, args: ['-c', configFile], logFile, killAfterMs: KILL_AFTER_MS });
    const pid = await Promise.race([run.started, run.ended.then(failWith)]);
    const broker = identify(pid);
    started.push(broker);
    lock.note({ broker });
    run.send('go');

    const portsFile = join(data, `${basename(binary.path)}_${pid}.ports`);
    const answering = await untilReady(name, () => (port === 0 ? readPort(portsFile) : port), run.outcome, options);
    lock.note({ url: `nats://${HOST}:${answering}` });
    return { pid, port: answering, name, ended: run.ended, end };
  } catch (cause) {
    await end();
    throw startFailed(options, cause, readFrom(logFile, logStart));
  }
}

/**
 * Ends a launched server by closing the pipe of its watchdog, which then ends the server. If the watchdog was killed or
 * hangs, the host ends the processes itself.
 */
async function endRun(watchdog: WatchdogProcess, run: Run, started: (ProcessIdentity | undefined)[]): Promise<void> {
  const [guard, broker] = started;
  watchdog.stdin.end();
  if (guard !== undefined) await haveEnded([guard], WATCHDOG_WAIT_MS);
  await endProcesses(
    [guard, broker].filter((one) => one !== undefined),
    KILL_AFTER_MS,
  );
  await run.ended;
}

interface Run {
  send(line: WatchdogLine): void;
  readonly started: Promise<number>;
  readonly ended: Promise<string>;
  /** Returns the exit code or signal of the server; undefined before its end. */
  outcome(): string | undefined;
}

/** Follows the reports of a watchdog, and its end. */
function follow(watchdog: WatchdogProcess): Run {
  let outcome: string | undefined;
  let how: string | undefined;
  // A watchdog that has just died does not take its order. Its end is reported as the outcome.
  watchdog.stdin.on('error', (error) => (how ??= error.message));
  const reports = createInterface(watchdog.stdout);
  const started = new Promise<number>((resolve) => {
    reports.on('line', (line) => {
      const report = JSON.parse(line) as WatchdogReport;
      if ('started' in report) resolve(report.started);
      else how = report.ended;
    });
  });
  const ended = new Promise<string>((resolve) => {
    watchdog.on('close', (code, signal) => {
      outcome = how ?? `its watchdog ended with ${signal ?? `exit code ${code}`}`;
      resolve(outcome);
    });
  });
  return {
    send: (line) => watchdog.stdin.write(`${JSON.stringify(line)}\n`),
    started,
    ended,
    outcome: () => outcome,
  };
}

/** Waits until the server of this name greets with JetStream enabled. Resolves with the server's port. */
async function untilReady(
  name: string,
  port: () => number | undefined,
  outcome: () => string | undefined,
  { signal, say }: LaunchOptions,
): Promise<number> {
  const began = Date.now();
  for (let isReported = false; ; await sleep(POLL_MS)) {
    const how = outcome();
    if (how !== undefined) failWith(how);
    signal.throwIfAborted();
    const at = port();
    const answer = at === undefined ? undefined : await probe(HOST, at);
    if (at !== undefined && answer?.kind === 'nats' && answer.name === name && answer.jetStream) return at;
    const waitedMs = Date.now() - began;
    if (waitedMs > READY_MS) failWith(`it does not answer after ${READY_MS / 1000} s`);
    if (waitedMs > SLOW_MS && !isReported) {
      isReported = true;
      say('nats-server runs but does not answer yet; reading much data takes a while');
    }
  }
}

function failWith(reason: string): never {
  throw new Error(reason);
}

/**
 * Reads the port from the file that a server writes into the data folder when it chooses its port. Undefined until the
 * file is complete.
 */
function readPort(file: string): number | undefined {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
  return Number(/nats:\/\/[^"]*:(\d+)"/.exec(readFileSync(file, 'utf8'))?.[1]) || undefined;
}

/** Removes the ports files that killed servers have left. */
function removePortsFiles(data: string): void {
  for (const name of readdirSync(data)) {
    if (name.endsWith('.ports')) rmSync(join(data, name), { force: true });
  }
}

function readFrom(logFile: string, start: number): string[] {
  if (statSync(logFile, { throwIfNoEntry: false }) === undefined) return [];
  const lines = readFileSync(logFile).subarray(start).toString('utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').slice(-LAST_LINES);
}

function startFailed({ binary, data, port }: LaunchOptions, cause: unknown, lines: string[]): JetplugError {
  const taken = lines.some((line) => /address already in use|Only one usage of each socket address/.test(line));
  const reason = taken ? `port ${port} is taken` : showThrown(cause);
  const message = `nats-server ${binary.version} did not start on the data in ${data}: ${reason}`;
  return new JetplugError('JP_BROKER_START_FAILED', [message, ...lines.map((line) => `  ${line}`)].join('\n'), {
    cause,
    hint: taken ? 'Free the port, or give another with --nats-port.' : undefined,
  });
}
