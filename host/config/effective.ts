import path from 'node:path';
import { durationMs, type From } from '../../sdk/internal';
import type { Config, HandlerConfig, ProcessConfig, StreamConfig } from './config';
import type { Written } from './merge';
import { parseSize } from './size';

type WrittenHandler = Pick<Written['plugins']['defaults'], 'from' | 'concurrency' | 'timeout' | 'retry'>;
type WrittenProcess = Omit<Written['plugins']['defaults'], keyof WrittenHandler>;

/** What is written, as the host uses it: milliseconds, bytes, absolute paths. */
export function effective(written: Written, cwd: string, ownBroker: boolean): Config {
  const { deploy, nats, plugins, delivery, deadLetters, retries, store, http, log, shutdown } = written;
  const absolute = (file: string): string => path.resolve(cwd, file);
  const file = (name: string | null): string | undefined => (name === null ? undefined : absolute(name));
  return {
    deploy: { name: deploy.name, allowDataLoss: deploy.allowDataLoss },
    nats: {
      // A broker of its own is asked for: not the servers that a file or variable names.
      servers: ownBroker ? [] : nats.servers,
      credentials: present({
        user: nats.credentials.user ?? undefined,
        password: nats.credentials.password ?? undefined,
        passwordFile: file(nats.credentials.passwordFile),
        token: nats.credentials.token ?? undefined,
        tokenFile: file(nats.credentials.tokenFile),
        credsFile: file(nats.credentials.credsFile),
        nkeyFile: file(nats.credentials.nkeyFile),
      }),
      tls: present({
        caFile: file(nats.tls.caFile),
        certFile: file(nats.tls.certFile),
        keyFile: file(nats.tls.keyFile),
        handshakeFirst: nats.tls.handshakeFirst || undefined,
      }),
      ...present({
        domain: nats.domain ?? undefined,
        apiPrefix: nats.apiPrefix ?? undefined,
        inboxPrefix: nats.inboxPrefix ?? undefined,
      }),
      embedded: {
        binary: file(nats.embedded.binary) ?? '',
        port: nats.embedded.port,
        data: absolute(nats.embedded.data),
        syncInterval: nats.embedded.syncInterval,
        own: ownBroker,
      },
    },
    streams: written.streams.map(toStream),
    plugins: {
      dirs: [...new Set(plugins.dirs.map(absolute))],
      watch: plugins.watch,
      startTimeoutMs: ms(plugins.startTimeout),
      defaults: { ...toHandler(plugins.defaults), ...toProcess(plugins.defaults) },
      sections: Object.fromEntries(
        Object.entries(written.sections).map(([name, { enabled, settings, ...rest }]) => [
          name,
          { enabled, ...toHandler(rest), ...toProcess(rest), ...present({ settings: settings ?? undefined }) },
        ]),
      ),
    },
    delivery: {
      ackWaitMs: ms(delivery.ackWait),
      maxAckPending: delivery.maxAckPending,
      maxPayloadBytes: bytes(delivery.maxPayload),
      maxDepth: delivery.maxDepth,
      circuit: { messages: delivery.circuit.messages, overMs: ms(delivery.circuit.over) },
      rollback: { events: delivery.rollback.events, withinMs: ms(delivery.rollback.within) },
    },
    deadLetters: {
      stream: deadLetters.stream,
      maxAgeMs: ms(deadLetters.maxAge),
      maxBytes: limit(deadLetters.maxBytes),
    },
    retries: { maxBytes: limit(retries.maxBytes) },
    store: { maxBytes: limit(store.maxBytes) },
    http: { listen: http.listen === 'off' ? '' : http.listen },
    log: { level: log.level, verbose: log.verbose },
    shutdown: { graceMs: ms(shutdown.grace) },
  };
}

function toStream(stream: Written['streams'][number]): StreamConfig {
  const { name, subjects, storage, replicas, manage } = stream;
  return {
    name,
    subjects,
    maxAgeMs: ms(stream.maxAge),
    maxBytes: bytes(stream.maxBytes),
    duplicateWindowMs: ms(stream.duplicateWindow),
    storage,
    replicas,
    manage,
  };
}

function toHandler({ from, concurrency, timeout, retry }: WrittenHandler): HandlerConfig {
  const chosenRetry = present({ attempts: retry.attempts ?? undefined, backoff: retry.backoff?.map(ms) });
  return present({
    from: from === null ? undefined : toFrom(from),
    concurrency: concurrency ?? undefined,
    timeoutMs: timeout === null ? undefined : ms(timeout),
    retry: Object.keys(chosenRetry).length > 0 ? chosenRetry : undefined,
  });
}

function toProcess({ isolation, processes, heapLimit, memoryLimit }: WrittenProcess): ProcessConfig {
  return present({
    isolation: isolation ?? undefined,
    processes: processes ?? undefined,
    heapLimitBytes: heapLimit === null ? undefined : bytes(heapLimit),
    memoryLimitBytes: memoryLimit === null ? undefined : bytes(memoryLimit),
  });
}

function toFrom(from: NonNullable<WrittenHandler['from']>): From {
  if (typeof from === 'string') return from === 'beginning' ? 'beginning' : 'new';
  return 'since' in from ? { since: ms(from.since) } : { sequence: from.sequence };
}

function ms(written: string): number {
  return durationMs(written, 'a length of time in the config');
}

/** The check of the format let it through. */
function bytes(written: string | number): number {
  return parseSize(written)!;
}

/** The server writes -1 for no limit. */
function limit(written: string | number): number {
  return written === 'unlimited' ? -1 : bytes(written);
}

/** Leaves out what is not there. */
function present<T extends object>(map: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined)) as never;
}
