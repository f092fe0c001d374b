import path from 'node:path';
import { ConfigFolder } from './config-folder';

describe('variables', () => {
  let folder: ConfigFolder;
  beforeEach(() => (folder = new ConfigFolder()));
  afterEach(() => folder.remove());

  test('set values of every kind', () => {
    folder.write('secrets/token', 'hunter2\n');
    const { config } = folder.load({
      env: {
        JETPLUG_NATS_SERVERS: 'nats://a:4222, nats://b:4222',
        JETPLUG_NATS_TOKEN_FILE: 'secrets/token',
        JETPLUG_NATS_TLS_HANDSHAKE_FIRST: 'true',
        JETPLUG_NATS_DOMAIN: 'hub',
        JETPLUG_NATS_INBOX_PREFIX: '_INBOX.jetplug',
        JETPLUG_NATS_EMBEDDED_PORT: '0',
        JETPLUG_NATS_EMBEDDED_DATA: 'data',
        JETPLUG_NATS_EMBEDDED_BINARY: '/opt/nats-server',
        JETPLUG_PLUGINS_DIRS: 'plugins,/more',
        JETPLUG_PLUGINS_WATCH: 'false',
        JETPLUG_PLUGINS_DEFAULTS_CONCURRENCY: '3',
        JETPLUG_PLUGINS_DEFAULTS_RETRY_BACKOFF: '1s,2m',
        JETPLUG_DELIVERY_MAX_PAYLOAD: '2048',
        JETPLUG_DELIVERY_ACK_WAIT: '20s',
        JETPLUG_DEAD_LETTERS_STREAM: 'LETTERS',
        JETPLUG_HTTP_LISTEN: 'off',
        JETPLUG_LOG_LEVEL: 'warn',
      },
    });
    expect(config.nats).toEqual({
      servers: ['nats://a:4222', 'nats://b:4222'],
      credentials: { tokenFile: path.join(folder.dir, 'secrets/token') },
      tls: { handshakeFirst: true },
      domain: 'hub',
      inboxPrefix: '_INBOX.jetplug',
      embedded: {
        binary: '/opt/nats-server',
        port: 0,
        data: path.join(folder.dir, 'data'),
        syncInterval: 'always',
        own: false,
      },
    });
    expect(config.plugins).toMatchObject({
      dirs: [path.join(folder.dir, 'plugins'), '/more'],
      watch: false,
      defaults: { concurrency: 3, retry: { backoff: [1_000, 120_000] } },
    });
    expect(config.delivery).toMatchObject({ maxPayloadBytes: 2_048, ackWaitMs: 20_000 });
    expect(config.deadLetters.stream).toBe('LETTERS');
    expect(config.http.listen).toBe('');
    expect(config.log.level).toBe('warn');
  });

  test('that are empty count as not set', () => {
    folder.write('config/local.yaml', 'http: { listen: "local:1" }');
    expect(folder.load({ env: { JETPLUG_HTTP_LISTEN: '', JETPLUG_NATS_SERVERS: '' } }).config.http.listen).toBe(
      'local:1',
    );
  });

  test('win over files for the parts they set', () => {
    folder.write('config/local.yaml', 'nats: { credentials: { user: jetplug } }');
    const { credentials } = folder.load({ env: { JETPLUG_NATS_PASSWORD: '0071' } }).config.nats;
    expect(credentials).toEqual({ user: 'jetplug', password: '0071' });
  });

  test('that are invalid are all named', () => {
    const env = {
      JETPLUG_NATS_SERVERS: 'nats://a:4222,nats://a b',
      JETPLUG_NATS_EMBEDDED_PORT: '4222x',
      JETPLUG_PLUGINS_WATCH: 'no',
      JETPLUG_PLUGINS_DEFAULTS_RETRY_BACKOFF: '1s,5',
      JETPLUG_DELIVERY_ACK_WAIT: '15',
      JETPLUG_LOG_LEVEL: 'loud',
      JETPLUG_NATS_TOKEN_FILE: 'nowhere',
      JETPLUG_DEAD_LETTERS_STREAM: 'EVENTS',
    };
    folder.write('config/local.yaml', 'streams: [{ name: EVENTS, subjects: [a.>] }]\n');
    expect(folder.report({ env })).toMatchInlineSnapshot(`
     "JP_CONFIG_INVALID
       JETPLUG_NATS_SERVERS (nats.servers[1]) is "nats://a b", but takes the address of a server, like nats://127.0.0.1:4222, with no user or password in it
       → Write a value as the message describes.
     JP_CONFIG_INVALID
       JETPLUG_NATS_EMBEDDED_PORT (nats.embedded.port) is "4222x", but takes a whole number from 0 to 65,535
       → Write a value as the message describes.
     JP_CONFIG_INVALID
       JETPLUG_PLUGINS_WATCH (plugins.watch) is "no", but takes true or false
       → Write false.
     JP_CONFIG_INVALID
       JETPLUG_PLUGINS_DEFAULTS_RETRY_BACKOFF (plugins.defaults.retry.backoff[1]) is "5", but takes a length of time from 0s to 24d, like 250ms, 30s, 2m or 7d
       → Write its unit, like 5s or 5ms.
     JP_CONFIG_INVALID
       JETPLUG_DELIVERY_ACK_WAIT (delivery.ackWait) is "15", but takes a length of time from 1ms to 24d, like 250ms, 30s, 2m or 7d
       → Write its unit, like 15s or 15ms.
     JP_CONFIG_INVALID
       JETPLUG_LOG_LEVEL (log.level) is "loud", but takes one of debug, info, warn, error
       → Write a value as the message describes.
     JP_CONFIG_INVALID
       JETPLUG_DEAD_LETTERS_STREAM (deadLetters.stream) is EVENTS, as streams[EVENTS].name is too
       → Dead letters need a stream of their own: rename one of the two.
     JP_CONFIG_INVALID
       JETPLUG_NATS_TOKEN_FILE (nats.credentials.tokenFile) names <cwd>/nowhere, which cannot be read (ENOENT)
       → Correct the path, which counts from where the host was started."
    `);
  });

  test('that resemble a known variable are refused as mistakes, and others with the prefix are ignored', () => {
    const env = {
      JETPLUG_NATS_PASWORD: 'hunter2',
      // Kubernetes sets these for a service called jetplug.
      JETPLUG_SERVICE_HOST: '10.0.0.1',
      JETPLUG_PORT: 'tcp://10.0.0.1:8300',
      JETPLUG_PORT_8300_TCP_ADDR: '10.0.0.1',
    };
    expect(folder.report({ env })).toMatchInlineSnapshot(`
     "JP_CONFIG_UNKNOWN_KEY
       unknown variable "JETPLUG_NATS_PASWORD": did you mean "JETPLUG_NATS_PASSWORD"?
       → Write JETPLUG_NATS_PASSWORD."
    `);
  });
});

describe('flags', () => {
  let folder: ConfigFolder;
  beforeEach(() => (folder = new ConfigFolder()));
  afterEach(() => folder.remove());

  test('win over variables and replace lists', () => {
    const env = { JETPLUG_NATS_SERVERS: 'nats://a:4222', JETPLUG_PLUGINS_DIRS: 'a', JETPLUG_PLUGINS_WATCH: 'true' };
    const flags = { servers: ['nats://b:4222'], plugins: ['b', '/c'], watch: false as const, http: '0.0.0.0:80' };
    const { config } = folder.load({ env, flags });
    expect(config.nats.servers).toEqual(['nats://b:4222']);
    expect(config.nats.embedded.own).toBe(false);
    expect(config.plugins.dirs).toEqual([path.join(folder.dir, 'b'), '/c']);
    expect(config.plugins.watch).toBe(false);
    expect(config.http.listen).toBe('0.0.0.0:80');
  });

  test.each([
    [{ natsPort: 4333 }, { port: 4333, own: true }],
    [{ natsPort: '0' }, { port: 0, own: true }],
    [{ data: '/data' }, { data: '/data', own: true }],
    [{}, { own: false }],
  ])('%j ask for an embedded broker of its own, or not', (flags, embedded) => {
    expect(folder.load({ flags }).config.nats.embedded).toMatchObject(embedded);
  });

  test('that are invalid are named', () => {
    const flags = { servers: ['http://a'], natsPort: 'many', data: ' ', plugins: [''], http: '8300' };
    expect(folder.report({ flags })).toMatchInlineSnapshot(`
     "JP_CONFIG_INVALID
       --servers (nats.servers[0]) is "http://a", but takes the address of a server, like nats://127.0.0.1:4222, with no user or password in it
       → Write a value as the message describes.
     JP_CONFIG_INVALID
       --nats-port (nats.embedded.port) is "many", but takes a whole number from 0 to 65,535
       → Write a value as the message describes.
     JP_CONFIG_INVALID
       --data (nats.embedded.data) is empty text, but takes a path
       → Write a value as the message describes.
     JP_CONFIG_INVALID
       --plugins (plugins.dirs[0]) is empty text, but takes a path
       → Write a value as the message describes.
     JP_CONFIG_INVALID
       --http (http.listen) is "8300", but takes host:port, like 127.0.0.1:8300, or "off"
       → Write the host too: 127.0.0.1:8300.
     JP_CONFIG_INVALID
       --servers (nats.servers) contradicts --nats-port and --data
       → Leave out --servers, or --nats-port and --data."
    `);
  });
});
