import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { Connection } from '../../host/nats/connection';
import { startHost, type HostOptions, type TestHost } from './host';
import { startTestCluster, type TestCluster } from './nats-cluster';
import { startTestServer, type TestServer } from './nats-server';
import { startTestPostgres, type TestPostgres } from './postgres';
import { TcpProxy } from './tcp-proxy';

/** Starts the servers, hosts, connections and folders of one test file. `end` ends them in the reverse order. */
export class Scene {
  private readonly ends: (() => Promise<unknown>)[] = [];

  async server(settings: object | string = {}): Promise<TestServer> {
    const server = await startTestServer(settings);
    this.ends.push(() => server.stop());
    return server;
  }

  async cluster(): Promise<TestCluster> {
    const cluster = await startTestCluster();
    this.ends.push(() => cluster.stop());
    return cluster;
  }

  async postgres(): Promise<TestPostgres> {
    const postgres = await startTestPostgres();
    this.ends.push(() => postgres.stop());
    return postgres;
  }

  /** A proxy before a server that can cut, stall or drop the traffic of connections. */
  async proxy(server: TestServer): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(server.port);
    this.ends.push(() => proxy.stop());
    return proxy;
  }

  /** A plain connection of the client, as other programs use it. */
  async client(...servers: string[]): Promise<NatsConnection> {
    const client = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    this.ends.push(() => client.close());
    return client;
  }

  /** A connection as the host has it. */
  async connection(server: TestServer): Promise<Connection> {
    const connection = await Connection.open({ servers: [server.url], name: 'test' });
    this.ends.push(() => connection.close());
    return connection;
  }

  /** A host. If it still runs in the end, it must stop with exit code 0. */
  async host(options: HostOptions): Promise<TestHost> {
    const host = await startHost(options);
    this.ends.push(async () => {
      const code = await host.stop();
      if (code !== 0 && code !== null) throw new Error(`a host ended with ${code}:\n${host.noise.join('\n')}`);
    });
    return host;
  }

  /** A temporary folder with these files, by path. */
  folder(files: Readonly<Record<string, string>> = {}): string {
    const folder = mkdtempSync(join(tmpdir(), 'jetplug-test-'));
    this.ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    for (const [path, text] of Object.entries(files)) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return folder;
  }

  async end(): Promise<void> {
    const failures: unknown[] = [];
    for (let next = this.ends.pop(); next; next = this.ends.pop()) {
      await next().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `the scene did not end well: ${failures.map(String).join('; ')}`);
  }
}
