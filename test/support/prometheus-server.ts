import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { findOnPath } from '../../host/nats-server/programs';
import { eventually } from './eventually';
import { freePort } from './free-port';
import { ROOT } from './markdown';

/** The folder of the scrape config and the alerts. */
const PROMETHEUS_FOLDER = join(ROOT, 'deploy/prometheus');

/** A series that a query has found, with its value. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A rule as the server evaluates it. */
export interface EvaluatedRule {
  readonly name: string;
  readonly query: string;
  readonly health: string;
  readonly state: string;
}

/** A real Prometheus that scrapes one host every second. */
export interface PrometheusServer {
  /** Evaluates an expression now. Throws if the server refuses it. */
  query(expression: string): Promise<Series[]>;
  /** The names of all metrics so far. */
  names(): Promise<readonly string[]>;
  rules(): Promise<readonly EvaluatedRule[]>;
  stop(): Promise<void>;
}

/** Runs promtool in the folder of the alerts. Returns its output; throws if it fails. */
export function promtool(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program('promtool'), args, { cwd: PROMETHEUS_FOLDER, encoding: 'utf8' });
  if (status !== 0) throw new Error(`promtool ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Starts a server with the scrape config and the alerts of this repository, but with another target and interval. */
export async function startPrometheus(target: string, folder: string): Promise<PrometheusServer> {
  const port = await freePort();
  const args = [
    `--config.file=${writeConfig(target, folder)}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn(program('prometheus'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const killAtExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const noise: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => noise.push(chunk));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    process.off('exit', killAtExit);
  };
  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const { data, error } = (await response.json()) as { data: T; error?: string };
    if (error !== undefined) throw new Error(error);
    return data;
  };
  try {
    await eventually(() => ask('status/buildinfo').then(() => true), 20_000);
  } catch (cause) {
    await stop();
    throw new Error(`Prometheus did not start:\n${Buffer.concat(noise).toString()}`, { cause });
  }
  return {
    query: async (expression) => {
      const asked = `query?query=${encodeURIComponent(expression)}`;
      const { result } = await ask<{ result: { metric: Series['metric']; value: [number, string] }[] }>(asked);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1].replace('Inf', 'Infinity')) }));
    },
    names: () => ask('label/__name__/values'),
    rules: async () =>
      (await ask<{ groups: { rules: EvaluatedRule[] }[] }>('rules')).groups.flatMap(({ rules }) => rules),
    stop,
  };
}

function writeConfig(target: string, folder: string): string {
  const config = parse(readFileSync(join(PROMETHEUS_FOLDER, 'prometheus.yml'), 'utf8')) as {
    rule_files: string[];
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'prometheus.yml');
  const changed = {
    ...config,
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: config.rule_files.map((name) => join(PROMETHEUS_FOLDER, name)),
    scrape_configs: config.scrape_configs.map((job) => ({ ...job, static_configs: [{ targets: [target] }] })),
  };
  writeFileSync(file, stringify(changed));
  return file;
}

/** @throws Error that says what to install */
function program(name: 'prometheus' | 'promtool'): string {
  const found = findOnPath(name, process.env);
  if (found !== undefined) return found;
  throw new Error(
    `${name} is not on the PATH. On Debian and Ubuntu \`apt-get install prometheus\` installs it; ` +
      '`.ci/run` unpacks the same package into its cache.',
  );
}
