import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../sdk/internal';
import type { NatsConfig } from '../config/config';
import type { HostLog } from '../log/log';
import { patiently, type ConnectOptions } from '../nats/connect';
import { Connection } from '../nats/connection';
import { logConnection } from '../nats/log-connection';
import { openBroker, type Broker, type BrokerProgress } from '../nats-server/open-broker';
import { takeOver } from '../nats-server/take-over';

/** The time for which a starting host waits for a configured server that does not answer yet. */
const CONNECT_PATIENCE_MS = 30_000;
/** The time for which the broker of another host on this data folder may be gone before this host starts it. */
const TAKE_OVER_AFTER_MS = 2_000;

/** The NATS server that the host works on: the one opened at the start, or the one that has replaced it. */
export class HostBroker {
  private takingOver = false;

  private constructor(
    private broker: Broker,
    private readonly nats: NatsConfig,
    private readonly log: HostLog,
    private readonly isStopping: () => boolean,
  ) {}

  /**
   * @param progress called as nats-server is downloaded
   * @throws JetplugError `JP_BROKER_*`
   */
  static async open(
    nats: NatsConfig,
    log: HostLog,
    isStopping: () => boolean,
    progress?: BrokerProgress,
  ): Promise<HostBroker> {
    const { servers, embedded } = nats;
    const say = (line: string): void => log.info(line);
    const broker = await openBroker({ servers: [...servers], embedded, say, ...(progress && { progress }) });
    return new HostBroker(broker, nats, log, isStopping);
  }

  get kind(): Broker['kind'] {
    return this.broker.kind;
  }

  get url(): string {
    return this.broker.url;
  }

  /** Connects, waits for a server that does not answer yet, and takes over the broker when the host that runs it ends. */
  async connect(): Promise<Connection> {
    const { servers } = this.nats;
    const connection = await Connection.open({
      servers: servers.length > 0 ? servers : [this.url],
      name: `jetplug-host-${process.pid}`,
      nats: this.nats,
      accepts: (serverName) => this.broker.isServer(serverName),
      ...this.patience,
    });
    logConnection(connection, this.log, this.isStopping);
    connection.watch({ disconnected: () => void this.takeOver(connection) });
    return connection;
  }

  /** Opens what the host needs on the server, and waits while a cluster elects the leaders of its streams. */
  whenElected<T>(open: () => Promise<T>): Promise<T> {
    return patiently(this.patience, open, new Set<ErrorCode>(['JP_BROKER_NO_QUORUM']));
  }

  /** Ends the server, if this host runs it. */
  async stop(): Promise<void> {
    await this.broker.stop();
  }

  private get patience(): Required<Pick<ConnectOptions, 'patienceMs' | 'waiting'>> {
    return {
      patienceMs: CONNECT_PATIENCE_MS,
      // The same error is logged many times, so its stack is left out.
      waiting: ({ code, message, hint }) =>
        this.log.warn('waiting for the NATS server', { code, error: message, hint }),
    };
  }

  /**
   * Takes over the broker on this host's data folder. Such a broker ends with the host that runs it; then this host
   * starts it, or joins the host that was faster.
   */
  private async takeOver(connection: Connection): Promise<void> {
    const { broker: lost } = this;
    if (this.takingOver || lost.kind !== 'joined' || !lost.onOwnData) return;
    this.takingOver = true;
    const broker = await takeOver({
      lost,
      embedded: this.nats.embedded,
      say: (line) => this.log.info(line),
      needed: () => !connection.connected && !this.isStopping(),
      failed: (error) => this.log.warn('cannot start the broker of this data folder; retrying', { err: error }),
      pause: () => sleep(TAKE_OVER_AFTER_MS),
    });
    this.takingOver = false;
    if (!broker) return;
    // The host may have begun to stop while the broker started.
    if (this.isStopping()) return broker.stop();
    this.broker = broker;
  }
}
