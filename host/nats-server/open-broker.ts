import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import type { EmbeddedConfig } from '../config/config';
import { showThrown } from '../base/thrown';
import { findHolder, removeIfLifeless, startedBy, tryLock, type DataLock, type Holder } from './data-lock';
import { refuseOldServer } from './oldest-server';
import type { Progress } from './download';
import { startEmbedded } from './embedded-server';
import { findBinary } from './find-binary';
import { probe } from './probe';
import { endProcesses, haveEnded, isAlive } from './process-identity';

export { runningBrokerUrl } from './data-lock';
export type { Progress as BrokerProgress } from './download';

type Say = (line: string) => void;

export interface OpenBrokerOptions {
  /** Servers to join; empty: the one on the default address, else an embedded one. */
  readonly servers: readonly string[];
  readonly embedded: EmbeddedConfig;
  /** Told in a line what is decided and done. */
  readonly say: Say;
  /** Told how far the download of nats-server is. */
  readonly progress?: Progress | undefined;
}

/** The NATS server that a host works on. */
export interface Broker {
  /** Several are separated by commas. */
  readonly url: string;
  /** `joined`: it runs on its own. `embedded`: this host runs it. */
  readonly kind: 'joined' | 'embedded';
  /**
   * Whether it runs on the data folder of this host: an embedded one, or one that another host runs there.
   * Only such a broker may be run again by this host when it is gone.
   */
  readonly onOwnData: boolean;
  /** Empty for configured servers, which are not asked here. */
  readonly version: string;
  /**
   * Whether the server of this name is this broker. Another server may take the port of a broker on the host's own
   * data when that broker has ended. Every server is accepted for a broker on other data.
   * @throws JetplugError `JP_BROKER_START_FAILED` when the lock of the data folder cannot be read
   */
  readonly isServer: (serverName: string) => boolean;
  /** Ends an embedded one; leaves a joined one as it is. */
  stop(): Promise<void>;
}

/** How long a start waits for what runs on its data folder. */
export interface Patience {
  /** For the broker of another host to answer, before the data count as locked. */
  readonly answerMs: number;
  /** For another host to bring up its broker, a download of nats-server included. */
  readonly startingMs: number;
  /** For the watchdog of a killed host to end its broker, which takes it milliseconds. */
  readonly orphanMs: number;
}

const PATIENCE: Patience = { answerMs: 10_000, startingMs: 300_000, orphanMs: 2_000 };
const HOST = '127.0.0.1';
const ORPHAN_KILL_MS = 10_000;
const POLL_MS = 50;

/**
 * Decides which broker this host works on. Configured servers are joined. Else a broker of another host on
 * the same data folder is joined; else what answers on the default address, unless an embedded one of its
 * own is asked for; else one is started. Two hosts that start at once on one data folder make one broker.
 *
 * @throws JetplugError JP_BROKER_*
 */
export async function openBroker(options: OpenBrokerOptions, patience = PATIENCE): Promise<Broker> {
  const { servers, embedded } = options;
  if (servers.length > 0) return joinOther(servers.join(','), '');

  const data = resolve(embedded.data);
  for (;;) {
    const holder = onData(data, findHolder);
    if (holder !== undefined) {
      const joined = await settle(holder, data, options, patience);
      if (joined !== undefined) return joined;
      continue;
    }
    const joined = await joinDefault(options);
    if (joined !== undefined) return joined;
    const lock = onData(data, tryLock);
    if (lock !== undefined) return await startOrJoin(lock, data, options);
  }
}

/** Joins what answers on the default address; undefined when nothing does, or an own broker is asked for. */
async function joinDefault({ embedded, say }: OpenBrokerOptions): Promise<Broker | undefined> {
  if (embedded.own || embedded.port === 0) return undefined;
  const address = `${HOST}:${embedded.port}`;
  const answer = await probe(HOST, embedded.port);
  if (answer.kind === 'nothing') return undefined;
  if (answer.kind === 'not-nats') {
    throw new JetplugError(
      'JP_BROKER_NOT_NATS',
      `What answers on ${address} is not a NATS server: it says ${answer.said}.`,
    );
  }
  if (!answer.jetStream) {
    throw new JetplugError(
      'JP_BROKER_NO_JETSTREAM',
      `The NATS server ${answer.version} on ${address} has no JetStream.`,
    );
  }
  refuseOldServer(answer.version, address);
  say(`Joined the NATS server ${answer.version} that answers on ${address}`);
  return joinOther(`nats://${address}`, answer.version);
}

/** Joins the broker of whoever holds the data, or sees to it that they are free: then undefined. */
async function settle(
  holder: Holder,
  data: string,
  { say }: OpenBrokerOptions,
  patience: Patience,
): Promise<Broker | undefined> {
  if (holder.state === 'orphaned') return await endOrphan(holder, say, patience);
  if (holder.state === 'foreign') {
    say(`The lock of ${data} was made before a restart or in another container; looking whether it is in use`);
    if (await removeIfLifeless(holder)) return undefined;
  }
  return await joinHolder(holder, data, say, patience);
}

async function endOrphan({ record }: Holder, say: Say, { orphanMs }: Patience): Promise<undefined> {
  const orphans = startedBy(record);
  const guarded = record.watchdog !== undefined && isAlive(record.watchdog);
  if (guarded && (await haveEnded(orphans, orphanMs))) return;
  say(`Ending the nats-server (pid ${record.broker?.pid ?? '?'}) that a host which was killed has left`);
  await endProcesses(orphans, ORPHAN_KILL_MS);
}

async function joinHolder(first: Holder, data: string, say: Say, patience: Patience): Promise<Broker | undefined> {
  const { pid } = first.record.owner;
  let waiting = { for: first.record.url, sinceMs: Date.now() };
  for (let said = false; ; said = true, await sleep(POLL_MS)) {
    const holder = onData(data, findHolder);
    if (holder?.file !== first.file || holder.state !== first.state) return undefined;
    const { url, name } = holder.record;
    const answer = url === undefined ? undefined : await probe(HOST, Number(new URL(url).port));
    if (url !== undefined && answer?.kind === 'nats' && answer.name === name) {
      say(`Joined the broker of the host that holds ${data} (pid ${pid}): ${url}`);
      return joinOwn(url, answer.version, data);
    }
    if (!said) say(`Another host (pid ${pid}) holds ${data}; waiting for its broker`);
    if (url !== waiting.for) waiting = { for: url, sinceMs: Date.now() };
    const waitMs = url === undefined ? patience.startingMs : patience.answerMs;
    if (Date.now() - waiting.sinceMs > waitMs) throw dataLocked(data, holder);
  }
}

async function startOrJoin(lock: DataLock, data: string, options: OpenBrokerOptions): Promise<Broker> {
  try {
    return await start(lock, data, options);
  } catch (error) {
    // Another may have taken the default port since we asked: a host of another folder that started at once.
    const joined = isJetplugError(error) && error.code === 'JP_BROKER_START_FAILED' && (await joinDefault(options));
    if (joined) return joined;
    throw error;
  }
}

async function start(lock: DataLock, data: string, options: OpenBrokerOptions): Promise<Broker> {
  const { embedded, say, progress } = options;
  const binary = await findBinary({ configured: embedded.binary, say, progress }).catch((error: unknown) => {
    lock.release();
    throw error;
  });
  const { port, syncInterval } = embedded;
  const server = await startEmbedded({ binary, data, port, syncInterval, lock, say });
  say(`Embedded nats-server ${server.version} on ${server.url}, its data in ${data}`);
  const { url, version } = server;
  const isServer = (name: string): boolean => name === server.name;
  return { url, kind: 'embedded', onOwnData: true, version, isServer, stop: () => server.stop() };
}

/** Joins the broker that another host runs on this host's data folder. */
function joinOwn(url: string, version: string, data: string): Broker {
  // The host that runs the broker writes its name into the lock before the broker starts.
  const isServer = (name: string): boolean => name === onData(data, findHolder)?.record.name;
  return { url, kind: 'joined', onOwnData: true, version, isServer, stop: async () => undefined };
}

/** Joins a server that runs on other data. */
function joinOther(url: string, version: string): Broker {
  return { url, kind: 'joined', onOwnData: false, version, isServer: () => true, stop: async () => undefined };
}

/** Runs what touches the data folder, and says of its failures which folder it was. */
function onData<T>(data: string, touch: (data: string) => T): T {
  try {
    return touch(data);
  } catch (cause) {
    throw new JetplugError('JP_BROKER_START_FAILED', `The data folder ${data} cannot be used: ${showThrown(cause)}`, {
      hint: 'Give another with --data, or make this one a folder that may be written.',
      cause,
    });
  }
}

function dataLocked(data: string, { record }: Holder): JetplugError {
  const broker =
    record.url === undefined ? 'has not brought up its broker' : `has a broker on ${record.url} that does not answer`;
  return new JetplugError(
    'JP_BROKER_DATA_LOCKED',
    `The host with pid ${record.owner.pid} holds ${data}, and ${broker}.`,
  );
}
