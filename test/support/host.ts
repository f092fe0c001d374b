import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parse as parseYaml } from 'yaml';
import type { HostSummary } from '../../host/host';
import { eventually } from './eventually';
import { natsServerBinary } from './nats-server';

export const MAIN = resolve(__dirname, '../../dist/host/cli/main.js');
export const STORY_PLUGINS = resolve(__dirname, '../../plugins');

/** A folder whose config has only the streams of the story. */
export const STORY_FOLDER = resolve(__dirname, '../fixtures/story');
/** Its config, by path, for a folder of the test's own. */
export const STORY_CONFIG = {
  'config/default.yaml': readFileSync(join(STORY_FOLDER, 'config/default.yaml'), 'utf8'),
};
const { streams: STORY_STREAMS } = parseYaml(STORY_CONFIG['config/default.yaml']) as { streams: readonly object[] };

export interface HostOptions {
  /** The plugins folders. */
  readonly plugins: readonly string[];
  /** The server to join. Default: the host runs an embedded one. */
  readonly server?: { readonly url: string };
  /** Passes no flag for the broker, so that the config and the variables choose it. */
  readonly brokerByConfig?: boolean;
  /** The content of a config file. By default `streams` are those of the story, and `shutdown.grace` is 1 s. */
  readonly config?: object;
  /** The compiled program. Default: this build's. */
  readonly main?: string;
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** A line of the log. */
export interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export type ReadyLine = LogLine & HostSummary & { readonly pid: number; readonly http: string };

/** A host, built and run as its users run it: `jetplug start --json`. */
export interface TestHost {
  readonly ready: ReadyLine;
  readonly pid: number;
  /** The address of its HTTP server. */
  readonly url: string;
  /** The broker's address. */
  readonly servers: string;
  /** Its config file. */
  readonly configFile: string;
  /** Its log so far. */
  readonly lines: readonly LogLine[];
  /** The lines so far with this message. */
  logged(msg: string): LogLine[];
  /** The lines of standard output that are not JSON, and all of standard error. */
  readonly noise: readonly string[];
  /** Sends SIGTERM. Resolves with the exit code; a second call returns the same promise. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Sends SIGSTOP: the host hangs, with open connections. */
  freeze(): void;
  /** Sends SIGCONT after `freeze`. */
  thaw(): void;
}

const READY_MS = 30_000;

/** The process's environment without the variables of the config and of telemetry. */
export function plainEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== 'NODE_ENV' && !/^(JETPLUG|OTEL)_/.test(name)),
  );
}

export async function startHost(options: HostOptions): Promise<TestHost> {
  const folder = mkdtempSync(join(tmpdir(), 'jetplug-host-'));
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ streams: STORY_STREAMS, shutdown: { grace: '1s' }, ...options.config }));
  const embedded = { JETPLUG_NATS_EMBEDDED_BINARY: await natsServerBinary() };
  const broker = options.brokerByConfig ? [] : brokerFlags(options, folder);
  const args = ['--json', '--http', '127.0.0.1:0', '--config', config, '--plugins', ...options.plugins, ...broker];
  const child = spawn(process.execPath, [options.main ?? MAIN, 'start', ...args, ...(options.flags ?? [])], {
    // A folder of its own, so that no config file of this repository is read.
    cwd: folder,
    env: { ...plainEnv(), ...embedded, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: LogLine[] = [];
  const noise: string[] = [];
  createInterface(child.stdout).on('line', (text) => {
    const line = parse(text);
    if (line) lines.push(line);
    else noise.push(text);
  });
  createInterface(child.stderr).on('line', (text) => noise.push(text));
  const end = endOf(child, folder);
  const logged = (msg: string): LogLine[] => lines.filter((line) => line.msg === msg);
  try {
    await eventually(
      () => logged('ready').length > 0 || child.exitCode !== null || child.signalCode !== null,
      READY_MS,
    );
    const [ready] = logged('ready') as ReadyLine[];
    if (!ready) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    return {
      ready,
      pid: ready.pid,
      url: ready.http,
      servers: ready.broker.url,
      configFile: config,
      lines,
      logged,
      noise,
      stop: () => end('SIGTERM'),
      kill: async () => {
        await end('SIGKILL');
      },
      freeze: () => void child.kill('SIGSTOP'),
      thaw: () => void child.kill('SIGCONT'),
    };
  } catch (cause) {
    await end('SIGKILL');
    const said = [...noise, ...lines.map((line) => JSON.stringify(line))].join('\n');
    throw new Error(`the host did not come up:\n${said}`, { cause });
  }
}

function brokerFlags({ server }: HostOptions, folder: string): string[] {
  return server ? ['--servers', server.url] : ['--nats-port', '0', '--data', join(folder, 'data')];
}

/** Ends the process on request, at the latest with this one, and removes its folder. */
function endOf(child: ChildProcess, folder: string): (signal: NodeJS.Signals) => Promise<number | null> {
  const killAtExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  return async (signal) => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      // A frozen process receives the signal only after SIGCONT.
      child.kill('SIGCONT');
    }
    const code = await ended;
    process.off('exit', killAtExit);
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
}

function parse(text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'msg' in value ? (value as LogLine) : undefined;
  } catch {
    return undefined; // Not a log line: the caller keeps it.
  }
}
