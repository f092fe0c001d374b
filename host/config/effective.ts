import path from 'node:path';
import type { Config, StreamConfig } from './config';
import { handlerConfig } from './handler-keys';
import { processConfig } from './isolation-keys';
import type { Written } from './merge';
import { bytes, limit, ms, present } from './units';

/** Converts the written values to those that the host uses: milliseconds, bytes, absolute paths. */
export function effective(written: Written, cwd: string, ownBroker: boolean): Config {
  const { deploy, nats, plugins, delivery, deadLetters, retries, store, http, log, tracing, shutdown } = written;
  const absolute = (file: string): string => path.resolve(cwd, file);
  const file = (name: string | null): string | undefined => (name === null ? undefined : absolute(name));
  return {
    deploy: {
      name: deploy.name,
      allowDataLoss: deploy.allowDataLoss,
      drift: deploy.drift,
      bindOnly: deploy.bindOnly,
      onRecreate: deploy.onRecreate,
    },
    nats: {
      // A flag that asks for an embedded broker overrules the servers that a file or variable names.
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
    streams: written.streams.map(streamConfig),
    plugins: {
      dirs: [...new Set(plugins.dirs.map(absolute))],
      watch: plugins.watch,
      ...present({ pollMs: plugins.poll === 'auto' ? undefined : ms(plugins.poll) }),
      startTimeoutMs: ms(plugins.startTimeout),
      use: plugins.use.map(absolute),
      defaults: { ...handlerConfig(plugins.defaults), ...processConfig(plugins.defaults) },
      sections: Object.fromEntries(
        Object.entries(written.sections).map(([name, { enabled, settings, ...rest }]) => [
          name,
          { enabled, ...handlerConfig(rest), ...processConfig(rest), ...present({ settings: settings ?? undefined }) },
        ]),
      ),
    },
    delivery: {
      ackWaitMs: ms(delivery.ackWait),
      maxAckPending: delivery.maxAckPending,
      ...present({ maxConcurrent: delivery.maxConcurrent ?? undefined }),
      maxBufferedBytes: limit(delivery.maxBufferedBytes),
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
    store: {
      maxBytes: limit(store.maxBytes),
      historyMs: ms(store.history),
      logMaxBytes: limit(store.logMaxBytes),
    },
    http: {
      listen: http.listen === 'off' ? '' : http.listen,
      ...present({
        operatorToken: http.operatorToken ?? undefined,
        operatorTokenFile: file(http.operatorTokenFile),
        readerToken: http.readerToken ?? undefined,
        readerTokenFile: file(http.readerTokenFile),
      }),
      allowedHosts: http.allowedHosts,
    },
    log: { level: log.level, verbose: log.verbose },
    tracing: {
      sample: tracing.sample === 'off' ? undefined : tracing.sample,
      maxAgeMs: ms(tracing.maxAge),
      maxBytes: limit(tracing.maxBytes),
    },
    shutdown: { graceMs: ms(shutdown.grace) },
  };
}

function streamConfig(stream: Written['streams'][number]): StreamConfig {
  const { name, subjects, storage, replicas, manage } = stream;
  return {
    name,
    subjects: subjects ?? [],
    maxAgeMs: ms(stream.maxAge),
    maxBytes: bytes(stream.maxBytes),
    duplicateWindowMs: ms(stream.duplicateWindow),
    storage,
    replicas,
    manage,
  };
}
