import { optional, secret, type SchemaMap } from './key';

/** The keys below `nats`. */
export const natsKeys = {
  servers: {
    doc: 'The servers to join. Empty: one on the default port if it answers, else an embedded one.',
    format: 'servers',
    default: [] as string[],
    env: 'JETPLUG_NATS_SERVERS',
  },
  credentials: {
    user: optional('The user to connect as; with password or passwordFile.', 'text', 'JETPLUG_NATS_USER'),
    password: secret('The user’s password.', 'JETPLUG_NATS_PASSWORD'),
    passwordFile: optional('A file that holds the password.', 'path', 'JETPLUG_NATS_PASSWORD_FILE'),
    token: secret('The token to connect with.', 'JETPLUG_NATS_TOKEN'),
    tokenFile: optional('A file that holds the token.', 'path', 'JETPLUG_NATS_TOKEN_FILE'),
    credsFile: optional('A .creds file (JWT and seed).', 'path', 'JETPLUG_NATS_CREDS_FILE'),
    nkeyFile: optional('A file that holds an nkey’s seed.', 'path', 'JETPLUG_NATS_NKEY_FILE'),
  },
  tls: {
    caFile: optional('The authority that signed the servers’ certificates.', 'path', 'JETPLUG_NATS_TLS_CA_FILE'),
    certFile: optional('The host’s own certificate; with keyFile.', 'path', 'JETPLUG_NATS_TLS_CERT_FILE'),
    keyFile: optional('The key of the host’s own certificate.', 'path', 'JETPLUG_NATS_TLS_KEY_FILE'),
    handshakeFirst: {
      doc: 'Whether the servers start with the TLS handshake, before their greeting.',
      format: 'boolean',
      default: false as boolean,
      env: 'JETPLUG_NATS_TLS_HANDSHAKE_FIRST',
    },
  },
  domain: optional('The JetStream domain to use, as behind a leaf node.', 'token', 'JETPLUG_NATS_DOMAIN'),
  apiPrefix: optional(
    'The prefix of the JetStream API, where another account exports it. Not together with domain.',
    'subjectPrefix',
    'JETPLUG_NATS_API_PREFIX',
  ),
  inboxPrefix: optional(
    'The prefix of the inboxes for answers. Default: _INBOX.',
    'subjectPrefix',
    'JETPLUG_NATS_INBOX_PREFIX',
  ),
  embedded: {
    binary: optional('The nats-server to run. Default: it is looked for.', 'path', 'JETPLUG_NATS_EMBEDDED_BINARY'),
    port: {
      doc: 'Its port on 127.0.0.1; 0: any free one.',
      format: 'port',
      default: 4222,
      env: 'JETPLUG_NATS_EMBEDDED_PORT',
    },
    data: {
      doc: 'The folder for its data; the host locks it.',
      format: 'path',
      default: '.jetplug',
      env: 'JETPLUG_NATS_EMBEDDED_DATA',
    },
    syncInterval: {
      doc: 'How often it syncs its files to disk: always, or a length of time after which a power failure loses events.',
      format: 'syncInterval',
      default: 'always',
      env: 'JETPLUG_NATS_EMBEDDED_SYNC_INTERVAL',
    },
  },
} satisfies SchemaMap;
