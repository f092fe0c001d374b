import type { JetStreamManager, NatsConnection } from 'nats';
import type { Connection } from '../../host/nats/connection';
import type { TestServer } from './nats-server';
import type { Scene } from './scene';

/** A server, and the connections of a test to it. */
export interface Streams {
  readonly server: TestServer;
  readonly nats: NatsConnection;
  readonly jsm: JetStreamManager;
  /** A connection as the host has it. */
  readonly connection: Connection;
}

/** Starts a server and connects to it. The scene ends both. */
export async function openStreams(scene: Scene, settings: object = {}): Promise<Streams> {
  const server = await scene.server(settings);
  const nats = await scene.client(server.url);
  return { server, nats, jsm: await nats.jetstreamManager(), connection: await scene.connection(server) };
}

export async function deleteStreams(jsm: JetStreamManager): Promise<void> {
  for await (const { config } of jsm.streams.list()) await jsm.streams.delete(config.name);
}
