/** Reads docker-compose.yml, and runs its services as plain processes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { layOut, readDockerfile } from './dockerfile';
import { freePort } from './free-port';
import type { LogLine } from './host';
import { ROOT } from './markdown';
import { natsServerBinary } from './nats-server';
import type { Scene } from './scene';

export interface ComposeService {
  readonly build?: string;
  readonly image?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly init?: boolean;
  readonly stop_grace_period?: string;
  readonly cap_drop?: readonly string[];
  readonly healthcheck: { readonly test?: readonly string[] };
}

export const COMPOSE = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, ComposeService>>;
};

/** The ports that the processes listen on inside of their containers, by the beginning of the service's name. */
const PORTS = { nats: [4222, 6222, 8222], jetplug: [8300], video: [3000], prometheus: [9090] };

/** A service that runs as a process. */
export interface ComposeProcess {
  readonly child: ChildProcess;
  /** The lines of its log that are JSON. */
  readonly log: readonly LogLine[];
  /** The other lines of its output. */
  readonly noise: readonly string[];
  /** Sends a signal and resolves with the exit code; null if the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * Runs services of docker-compose.yml without containers: their very commands, variables, mounts and config files. Only
 * addresses and paths differ. Each port of a container is a free port of loopback, and the root of each container is a
 * temporary folder. A Scene ends before its processes do, so call `end`.
 */
export class ComposeRun {
  readonly folder: string;
  /** The image's working folder, which all its services share, since their file systems are read-only. */
  readonly app: string;
  private readonly image = readDockerfile(join(ROOT, 'Dockerfile'));
  private readonly ports = new Map<string, number>();
  private readonly running: ComposeProcess[] = [];

  constructor(scene: Scene) {
    this.folder = scene.folder();
    this.app = join(this.folder, 'app');
    layOut(this.image, ROOT, this.app);
  }

  /** Chooses a port for each port of a container. Call it first. */
  async choosePorts(): Promise<void> {
    for (const name of Object.keys(COMPOSE.services)) {
      const own = Object.entries(PORTS).find(([prefix]) => name.startsWith(prefix))?.[1] ?? [];
      for (const port of own) this.ports.set(`${name}:${port}`, await freePort());
    }
  }

  /** The address on this machine of a service's port, such as `127.0.0.1:40123` for `nats-1:4222`. */
  address(name: string): string {
    return `127.0.0.1:${this.ports.get(name)!}`;
  }

  /** Starts a service. @param variables those of the shell that runs `docker compose` */
  async start(name: string, variables: NodeJS.ProcessEnv = {}): Promise<ComposeProcess> {
    const service = COMPOSE.services[name]!;
    const words = this.mounted(name, [...this.entrypointOf(service), ...(service.command ?? [])]);
    const values = Object.entries(service.environment ?? {});
    const own = values.map(([key, value]) => [key, this.mounted(name, [withVariables(value, variables)])[0]!]);
    const [program, ...args] = await this.onThisMachine(name, words);
    const child = spawn(program!, args, {
      cwd: this.app,
      env: { PATH: process.env['PATH'], ...this.image.env, ...(Object.fromEntries(own) as NodeJS.ProcessEnv) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = asProcess(child);
    this.running.push(started);
    return started;
  }

  /** Whether the service's health check succeeds. */
  async isHealthy(name: string): Promise<boolean> {
    const [kind, program, ...args] = this.mounted(name, COMPOSE.services[name]!.healthcheck.test!);
    if (kind !== 'CMD') throw new Error(`the health check of ${name} is no CMD`);
    if (program === 'wget') return (await fetch(args.at(-1)!).catch(() => undefined))?.ok ?? false;
    const [code] = (await once(spawn(program!, args, { stdio: 'ignore' }), 'exit')) as [number | null];
    return code === 0;
  }

  /** Ends all processes. */
  async end(): Promise<void> {
    await Promise.all(this.running.map((each) => each.end('SIGKILL')));
  }

  private entrypointOf({ image, entrypoint }: ComposeService): readonly string[] {
    if (entrypoint) return entrypoint;
    // The entry points of the public images.
    if (image?.startsWith('nats:')) return [];
    if (image?.startsWith('prom/')) return ['prometheus'];
    return this.image.command.slice(0, -1);
  }

  /** Adds the flags by which a server listens on loopback, and finds its program. */
  private async onThisMachine(name: string, [program, ...args]: readonly string[]): Promise<string[]> {
    if (program === 'nats-server') {
      const [addr, port] = this.address(`${name}:4222`).split(':');
      return [await natsServerBinary(), ...args, '--addr', addr!, '--port', port!];
    }
    if (program === 'prometheus') return [program, ...args, `--web.listen-address=${this.address(`${name}:9090`)}`];
    if (program !== 'node') throw new Error(`no rule for the program ${program}`);
    const words = args.map((word) =>
      word
        .replace('--host=0.0.0.0', '--host=127.0.0.1')
        .replace(/^--port=(\d+)$/, (_, port) => `--port=${this.ports.get(`${name}:${port}`)!}`),
    );
    return [process.execPath, ...words];
  }

  /** Returns the words with addresses and paths of this machine. At the first call it writes the service's files. */
  private mounted(name: string, words: readonly string[]): string[] {
    const root = join(this.folder, 'roots', name);
    const mounts = (COMPOSE.services[name]!.volumes ?? []).map((volume) => volume.split(':') as [string, string]);
    // The image's folder has the same files.
    const outside = mounts.filter(([, target]) => !target.startsWith(this.image.workdir));
    const targets = outside.map(([, target]) => target.replaceAll('.', '\\.')).join('|');
    const path = new RegExp(`(?<![\\w./-])(?:${targets})(?![\\w.-])`, 'g');
    const ours = (text: string): string => {
      const local = this.localized(name, text);
      return outside.length === 0 ? local : local.replace(path, (target) => join(root, target));
    };
    for (const [source, target] of outside) {
      const to = join(root, target);
      if (existsSync(to)) continue;
      mkdirSync(dirname(to), { recursive: true });
      if (!source.startsWith('./')) symlinkSync(this.volume(source), to);
      else if (statSync(join(ROOT, source)).isDirectory()) symlinkSync(join(ROOT, source), to);
      else writeFileSync(to, ours(readFileSync(join(ROOT, source), 'utf8')));
    }
    return words.map(ours);
  }

  /** Replaces the addresses of containers. */
  private localized(name: string, text: string): string {
    return text.replace(/\b([a-z][a-z0-9-]*|0\.0\.0\.0|127\.0\.0\.1):(\d{4})\b/g, (whole, host: string, port) => {
      const service = /^\d/.test(host) ? name : host;
      const chosen = this.ports.get(`${service}:${port}`);
      return chosen === undefined ? whole : `127.0.0.1:${chosen}`;
    });
  }

  private volume(name: string): string {
    const folder = join(this.folder, 'volumes', name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

/** A child process whose output is piped, with its log. */
export function asProcess(child: ChildProcess): ComposeProcess {
  const log: LogLine[] = [];
  const noise: string[] = [];
  createInterface(child.stdout!).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
    else noise.push(line);
  });
  createInterface(child.stderr!).on('line', (line) => noise.push(line));
  return {
    child,
    log,
    noise,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await once(child, 'exit');
      }
      return child.exitCode;
    },
  };
}

/** A value as Compose sees it. */
function withVariables(value: string, variables: NodeJS.ProcessEnv): string {
  return value.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, other: string) => variables[name] ?? other);
}
