import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'nats';
import { eventually } from './eventually';
import { natsServerBinary } from './nats-server';

/** Three nats-servers as one cluster with JetStream, each a process of its own. */
export interface TestCluster {
  readonly urls: readonly string[];
  /** The servers' names, such as `n0`, as in the cluster's stream infos. */
  readonly names: readonly string[];
  /** Kills a server (SIGKILL). Its data stay. */
  kill(name: string): Promise<void>;
  restart(name: string): void;
  /** Removes a server's data, after `kill`. */
  wipe(name: string): void;
  stop(): Promise<void>;
}

const SIZE = 3;
const READY_MS = 30_000;

export async function startTestCluster(): Promise<TestCluster> {
  const binary = await natsServerBinary();
  const folder = mkdtempSync(join(tmpdir(), 'jetplug-cluster-'));
  const ports = await freePorts(2 * SIZE);
  const routes = ports.slice(SIZE).map((port) => `nats://127.0.0.1:${port}`);
  const names = Array.from({ length: SIZE }, (_, i) => `n${i}`);
  const nodes = new Map<string, ChildProcess>();
  const start = (name: string): void => {
    const i = names.indexOf(name);
    const config = join(folder, `${name}.conf`);
    const settings = {
      server_name: name,
      listen: `127.0.0.1:${ports[i]}`,
      jetstream: { store_dir: join(folder, name), max_file_store: 1024 ** 4 },
      cluster: { name: 'test', listen: `127.0.0.1:${ports[SIZE + i]}`, routes },
      log_file: join(folder, `${name}.log`),
    };
    writeFileSync(config, JSON.stringify(settings));
    const child = spawn(binary, ['-c', config], { stdio: ['ignore', 'ignore', 'inherit'] });
    const killAtExit = (): boolean => child.kill('SIGKILL');
    process.once('exit', killAtExit);
    child.once('exit', () => process.off('exit', killAtExit));
    nodes.set(name, child);
  };
  const kill = (name: string): Promise<void> => end(nodes.get(name)!);
  names.forEach(start);
  const urls = ports.slice(0, SIZE).map((port) => `nats://127.0.0.1:${port}`);
  await eventually(() => hasLeader(urls), READY_MS);
  return {
    urls,
    names,
    kill,
    restart: start,
    wipe: (name) => rmSync(join(folder, name), { recursive: true }),
    async stop() {
      await Promise.all(names.map(kill));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether JetStream answers: the cluster has elected its leader. */
async function hasLeader(servers: readonly string[]): Promise<boolean> {
  const nats = await connect({ servers: [...servers], timeout: 1_000 });
  try {
    await (await nats.jetstreamManager()).getAccountInfo();
    return true;
  } finally {
    await nats.close();
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
