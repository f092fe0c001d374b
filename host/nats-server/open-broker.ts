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
  /**
   * The servers to join. If the list is empty, the host joins the server on the default address, or else runs an
   * embedded one.
   */
  readonly servers: readonly string[];
  readonly embedded: EmbeddedConfig;
  /** Logs a line for each decision and action. */
  readonly say: Say;
  /** Called as nats-server is downloaded. */
  readonly progress?: Progress | undefined;
}

/** The NATS server that a host works on. */
export interface Broker {
  /** The address of the broker. Several servers are separated by commas. */
  readonly url: string;
  /** `joined`: the broker runs without this host. `embedded`: this host runs the broker. */
  readonly kind: 'joined' | 'embedded';
  /**
   * Whether the broker runs on the data folder of this host: either this host's embedded broker, or one that another
   * host runs there. Only such a broker may be started again by this host.
   */
  readonly onOwnData: boolean;
  /** The version of the server. Empty for configured servers, which are not probed here. */
  readonly version: string;
  /**
   * Returns whether the server of this name is this broker. Another server may take the port of a broker on the host's
   * own data when that broker has ended. For a broker on other data, every server is accepted.
   * @throws JetplugError `JP_BROKER_START_FAILED` when the lock of the data folder cannot be read
   */
  readonly isServer: (serverName: string) => boolean;
  /** Ends an embedded broker. Does nothing to a joined one. */
  stop(): Promise<void>;
}

/** The times for which a start waits for the processes on its data folder. */
export interface Patience {
  /** The time for the broker of another host to answer. After that the data count as locked. */
  readonly answerMs: number;
  /** The time for another host to start its broker, including a download of nats-server. */
  readonly startingMs: number;
  /** The time for the watchdog of a killed host to end its broker, which usually takes milliseconds. */
  readonly orphanMs: number;
}

const PATIENCE: Patience = { answerMs: 10_000, startingMs: 300_000, orphanMs: 2_000 };
const HOST = '127.0.0.1';
const ORPHAN_KILL_MS = 10_000;
const POLL_MS = 50;

/**
 * Chooses the broker of this host, in this order: configured servers, the broker of another host on the same data
 * folder, the server on the default address (unless `embedded.own`), and an embedded server that this host starts. Two
 * hosts that start at the same time on one data folder share one broker.
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
      const joined = await joinOrRelease(holder, data, options, patience);
      if (joined !== undefined) return joined;
      continue;
    }
    const joined = await joinDefault(options);
    if (joined !== undefined) return joined;
    const lock = onData(data, tryLock);
    if (lock !== undefined) return await startOrJoin(lock, data, options);
  }
}

/**
 * Joins the server on the default address. Resolves with undefined if nothing answers, or if the host is to run its own
 * broker.
 */
async function joinDefault({ embedded, say }: OpenBrokerOptions): Promise<Broker | undefined> {
  if (embedded.own || embedded.port === 0) return undefined;
  const address = `${HOST}:${embedded.port}`;
  const answer = await probe(HOST, embedded.port);
  if (answer.kind === 'nothing') return undefined;
  if (answer.kind === 'not-nats') {
    throw new JetplugError(
      'JP_BROKER_NOT_NATS',
      `the program on ${address} is not a NATS server: it says ${answer.said}`,
    );
  }
  if (!answer.jetStream) {
    throw new JetplugError(
      'JP_BROKER_NO_JETSTREAM',
      `the NATS server ${answer.version} on ${address} has no JetStream`,
    );
  }
  refuseOldServer(answer.version, address);
  say(`joined the NATS server ${answer.version} that answers on ${address}`);
  return joinOther(`nats://${address}`, answer.version);
}

/** Joins the broker of the data's holder. Resolves with undefined if there is no holder any more. */
async function joinOrRelease(
  holder: Holder,
  data: string,
  { say }: OpenBrokerOptions,
  patience: Patience,
): Promise<Broker | undefined> {
  if (holder.state === 'orphaned') return await endOrphan(holder, say, patience);
  if (holder.state === 'foreign') {
    say(`the lock of ${data} is from before a restart or from another container; checking whether it is in use`);
    if (await removeIfLifeless(holder)) return undefined;
  }
  return await joinHolder(holder, data, say, patience);
}

async function endOrphan({ record }: Holder, say: Say, { orphanMs }: Patience): Promise<undefined> {
  const orphans = startedBy(record);
  const guarded = record.watchdog !== undefined && isAlive(record.watchdog);
  if (guarded && (await haveEnded(orphans, orphanMs))) return;
  say(`ending the nats-server (pid ${record.broker?.pid ?? '?'}) that a killed host has left`);
  await endProcesses(orphans, ORPHAN_KILL_MS);
}

async function joinHolder(first: Holder, data: string, say: Say, patience: Patience): Promise<Broker | undefined> {
  const { pid } = first.record.owner;
  let waiting = { for: first.record.url, sinceMs: Date.now() };
  for (let isReported = false; ; isReported = true, await sleep(POLL_MS)) {
    const holder = onData(data, findHolder);
    if (holder?.file !== first.file || holder.state !== first.state) return undefined;
    const { url, name } = holder.record;
    const answer = url === undefined ? undefined : await probe(HOST, Number(new URL(url).port));
    if (url !== undefined && answer?.kind === 'nats' && answer.name === name) {
      say(`joined the broker of the host that holds ${data} (pid ${pid}): ${url}`);
      return joinOwn(url, answer.version, data);
    }
    if (!isReported) say(`another host (pid ${pid}) holds ${data}; waiting for its broker`);
    if (url !== waiting.for) waiting = { for: url, sinceMs: Date.now() };
    const waitMs = url === undefined ? patience.startingMs : patience.answerMs;
    if (Date.now() - waiting.sinceMs > waitMs) throw dataLocked(data, holder);
  }
}

async function startOrJoin(lock: DataLock, data: string, options: OpenBrokerOptions): Promise<Broker> {
  try {
    return await start(lock, data, options);
  } catch (error) {
    // A host of another data folder that started at the same time may have taken the default port.
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
  say(`embedded nats-server ${server.version} on ${server.url}, its data in ${data}`);
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

/** Calls a function on the data folder. An error then names the folder. */
function onData<T>(data: string, work: (data: string) => T): T {
  try {
    return work(data);
  } catch (cause) {
    throw new JetplugError('JP_BROKER_START_FAILED', `the data folder ${data} cannot be used: ${showThrown(cause)}`, {
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
    `the host with pid ${record.owner.pid} holds ${data}, and ${broker}`,
  );
}
