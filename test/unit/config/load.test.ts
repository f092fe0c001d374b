import path from 'node:path';
import type { Config } from '../../../host/config/config';
import { ConfigFolder } from './config-folder';

describe('loading the configuration', () => {
  let folder: ConfigFolder;
  beforeEach(() => (folder = new ConfigFolder()));
  afterEach(() => folder.remove());

  test('a folder without files gets the built-in defaults', () => {
    const { config } = folder.load();
    expect(config).toEqual<Config>({
      deploy: { name: 'jetplug', allowDataLoss: false, drift: 'repair', bindOnly: false, onRecreate: 'refuse' },
      nats: {
        servers: [],
        credentials: {},
        tls: {},
        embedded: {
          binary: '',
          port: 4222,
          data: path.join(folder.dir, '.jetplug'),
          syncInterval: 'always',
          own: false,
        },
      },
      streams: [],
      plugins: {
        dirs: [path.join(folder.dir, 'plugins')],
        watch: true,
        startTimeoutMs: 10_000,
        use: [],
        defaults: {},
        sections: {},
      },
      delivery: {
        ackWaitMs: 15_000,
        maxAckPending: 5_000,
        maxPayloadBytes: 512 * 1024,
        maxBufferedBytes: 268_435_456,
        maxDepth: 64,
        circuit: { messages: 5, overMs: 1_000 },
        rollback: { events: 3, withinMs: 60_000 },
      },
      deadLetters: { stream: 'DEAD', maxAgeMs: 30 * 86_400_000, maxBytes: -1 },
      retries: { maxBytes: -1 },
      store: { maxBytes: -1, historyMs: 604_800_000, logMaxBytes: -1 },
      http: { listen: '127.0.0.1:8300', allowedHosts: [] },
      log: { level: 'info', verbose: false },
      tracing: { sample: 1, maxAgeMs: 259_200_000, maxBytes: 268_435_456 },
      shutdown: { graceMs: 20_000 },
    });
  });

  test('every key is read, with values in milliseconds, bytes and absolute paths', () => {
    folder.write('secrets/ca.pem', 'ca');
    folder.write(
      'config/local.yaml',
      `
nats:
  servers: [nats://one:4222, "tls://[::1]:4223", two]
  credentials: { user: jetplug, password: "0071" }
  tls: { caFile: secrets/ca.pem }
  embedded: { binary: bin/nats-server, port: 0, data: /var/lib/jetplug, syncInterval: 10s }
streams:
  - { name: ORDERS, subjects: [orders.>], maxAge: 1.5h, maxBytes: 1.5 GB, duplicateWindow: 500ms, storage: memory, replicas: 3, manage: false }
  - { name: LOGS, subjects: ["logs.*"] }
plugins:
  dirs: [plugins, ../shared, ./plugins]
  watch: false
  poll: 5s
  startTimeout: 2m
  defaults: { from: beginning, concurrency: 4, timeout: 5s, retry: { attempts: 3, backoff: [0s, 1s, 1d] } }
  badge: { enabled: false, from: { since: 7d }, retry: { attempts: 9 }, settings: { milestones: [1, 10], names: { 1: one } } }
  p0: { from: { sequence: 12 }, timeout: 1m }
delivery: { ackWait: 1s, maxAckPending: 5, maxConcurrent: 9, maxBufferedBytes: unlimited, maxPayload: 1024, maxDepth: 3, circuit: { messages: 20, over: 90s }, rollback: { events: 7, within: 10s } }
deadLetters: { stream: LETTERS, maxAge: 365d, maxBytes: 1 GiB }
retries: { maxBytes: 2 MiB }
store: { maxBytes: 4096 }
http: { listen: "[::]:0" }
log: { level: debug }
shutdown: { grace: 0s }
`,
    );
    expect(folder.load().config).toEqual<Config>({
      deploy: { name: 'jetplug', allowDataLoss: false, drift: 'repair', bindOnly: false, onRecreate: 'refuse' },
      nats: {
        servers: ['nats://one:4222', 'tls://[::1]:4223', 'two'],
        credentials: { user: 'jetplug', password: '0071' },
        tls: { caFile: path.join(folder.dir, 'secrets/ca.pem') },
        embedded: {
          binary: path.join(folder.dir, 'bin/nats-server'),
          port: 0,
          data: '/var/lib/jetplug',
          syncInterval: '10s',
          own: false,
        },
      },
      streams: [
        {
          name: 'ORDERS',
          subjects: ['orders.>'],
          maxAgeMs: 5_400_000,
          maxBytes: 1_500_000_000,
          duplicateWindowMs: 500,
          storage: 'memory',
          replicas: 3,
          manage: false,
        },
        {
          name: 'LOGS',
          subjects: ['logs.*'],
          maxAgeMs: 7 * 86_400_000,
          maxBytes: 10 * 1024 ** 3,
          duplicateWindowMs: 120_000,
          storage: 'file',
          replicas: 1,
          manage: true,
        },
      ],
      plugins: {
        dirs: [path.join(folder.dir, 'plugins'), path.resolve(folder.dir, '../shared')],
        watch: false,
        pollMs: 5_000,
        startTimeoutMs: 120_000,
        use: [],
        defaults: {
          from: 'beginning',
          concurrency: 4,
          timeoutMs: 5_000,
          retry: { attempts: 3, backoff: [0, 1_000, 86_400_000] },
        },
        sections: {
          badge: {
            enabled: false,
            from: { since: 7 * 86_400_000 },
            retry: { attempts: 9 },
            settings: { milestones: [1, 10], names: { 1: 'one' } },
          },
          p0: { enabled: true, from: { sequence: 12 }, timeoutMs: 60_000 },
        },
      },
      delivery: {
        ackWaitMs: 1_000,
        maxAckPending: 5,
        maxPayloadBytes: 1_024,
        maxConcurrent: 9,
        maxBufferedBytes: -1,
        maxDepth: 3,
        circuit: { messages: 20, overMs: 90_000 },
        rollback: { events: 7, withinMs: 10_000 },
      },
      deadLetters: { stream: 'LETTERS', maxAgeMs: 365 * 86_400_000, maxBytes: 1024 ** 3 },
      retries: { maxBytes: 2 * 1024 ** 2 },
      store: { maxBytes: 4096, historyMs: 604_800_000, logMaxBytes: -1 },
      http: { listen: '[::]:0', allowedHosts: [] },
      log: { level: 'debug', verbose: false },
      tracing: { sample: 1, maxAgeMs: 259_200_000, maxBytes: 268_435_456 },
      shutdown: { graceMs: 0 },
    });
  });

  test('later layers win: defaults, default.yaml, $NODE_ENV.yaml, local.yaml, --config in turn, variables, flags', () => {
    const listen = (given?: object) => folder.load(given).config.http.listen;
    const env = { NODE_ENV: 'production' };
    const withVariable = { ...env, JETPLUG_HTTP_LISTEN: 'variable:1' };
    const files = ['first.yaml', path.join(folder.dir, 'second.yaml')];
    folder.write('first.yaml', 'http: { listen: "first:1" }');
    folder.write('second.yaml', 'http: { listen: "second:1" }');

    expect(listen({ env })).toBe('127.0.0.1:8300');
    folder.write('config/default.yaml', 'http: { listen: "default:1" }');
    expect(listen({ env })).toBe('default:1');
    folder.write('config/production.yaml', 'http: { listen: "production:1" }');
    expect(listen({ env })).toBe('production:1');
    expect(listen()).toBe('default:1');
    folder.write('config/local.yaml', 'http: { listen: "local:1" }');
    expect(listen({ env })).toBe('local:1');
    expect(listen({ env, files })).toBe('second:1');
    expect(listen({ env, files: files.toReversed() })).toBe('first:1');
    expect(listen({ env: withVariable, files })).toBe('variable:1');
    expect(listen({ env: withVariable, files, flags: { http: 'flag:1' } })).toBe('flag:1');
  });

  test('maps are merged, lists and starting points replaced', () => {
    folder.write(
      'config/default.yaml',
      'plugins:\n  dirs: [a, b]\n  badge: { from: { since: 7d }, timeout: 1s, settings: { list: [1, 2], deep: { a: 1, b: 1 }, x: { y: 1 }, z: 1 } }\n',
    );
    folder.write(
      'config/local.yaml',
      'plugins:\n  dirs: [c]\n  badge: { from: { sequence: 3 }, settings: { list: [3], deep: { b: 2, c: {} }, x: 1, z: { y: 1 } } }\n',
    );
    const { dirs, sections } = folder.load().config.plugins;
    expect(dirs).toEqual([path.join(folder.dir, 'c')]);
    expect(sections).toEqual({
      badge: {
        enabled: true,
        from: { sequence: 3 },
        timeoutMs: 1_000,
        settings: { list: [3], deep: { a: 1, b: 2, c: {} }, x: 1, z: { y: 1 } },
      },
    });
  });

  test('an empty file, and maps whose keys are all commented out, change nothing', () => {
    const { config: builtIn } = folder.load();
    folder.write('config/default.yaml', '');
    folder.write('config/local.yaml', '# nothing yet\nnats:\n  tls:\n    # caFile: ca.pem\nplugins:\n  defaults: {}\n');
    expect(folder.load().config).toEqual(builtIn);
    folder.write('config/local.yaml', 'plugins:\n  badge:\n    enabled: true\n    settings:\n');
    expect(folder.load().config.plugins.sections).toEqual({ badge: { enabled: true } });
  });

  test('a list of streams may be empty, for streams that are created elsewhere', () => {
    folder.write('config/local.yaml', 'streams: []');
    expect(folder.load().config.streams).toEqual([]);
  });

  test('streams of several layers are merged by name, key by key; new names are appended', () => {
    folder.write(
      'config/default.yaml',
      'streams:\n  - { name: A, subjects: [a.>, b.>], maxAge: 1d }\n  - { name: B, subjects: [c.>] }\n',
    );
    folder.write(
      'config/local.yaml',
      'streams:\n  - { name: C, subjects: [d.>] }\n  - { name: A, replicas: 3, subjects: [a.>] }\n',
    );
    folder.write('more.yaml', 'streams: [{ name: B, manage: false }]\n');
    const { streams } = folder.load({ files: ['more.yaml'] }).config;
    expect(
      streams.map(({ name, subjects, maxAgeMs, replicas, manage }) => [name, subjects, maxAgeMs, replicas, manage]),
    ).toEqual([
      ['A', ['a.>'], 86_400_000, 3, true],
      ['B', ['c.>'], 7 * 86_400_000, 1, false],
      ['C', ['d.>'], 7 * 86_400_000, 1, true],
    ]);
    folder.write('more.yaml', 'streams: []\n');
    expect(folder.load({ files: ['more.yaml'] }).config.streams).toHaveLength(3);
  });

  test('a stream’s subjects may be in a later layer than its other keys', () => {
    folder.write('config/default.yaml', 'streams: [{ name: A, replicas: 3 }]\n');
    folder.write('config/local.yaml', 'streams: [{ name: A, subjects: [a.>] }]\n');
    expect(folder.load().config.streams).toEqual([expect.objectContaining({ subjects: ['a.>'], replicas: 3 })]);
  });

  test('http.listen: off opens no HTTP server', () => {
    expect(folder.load({ flags: { http: 'off' } }).config.http.listen).toBe('');
  });

  test('anchors and aliases repeat values', () => {
    folder.write(
      'config/local.yaml',
      'plugins:\n  defaults:\n    retry: &patient { attempts: 20, backoff: [1m] }\n  badge: { retry: *patient }\n',
    );
    expect(folder.load().config.plugins.sections['badge']?.retry).toEqual({ attempts: 20, backoff: [60_000] });
  });

  test('a %YAML 1.1 line does not change what values mean', () => {
    folder.write(
      'config/local.yaml',
      '%YAML 1.1\n---\nplugins:\n  badge: { settings: { a: no, b: 1:30, c: 2020-01-01 } }\n',
    );
    expect(folder.load().config.plugins.sections['badge']?.settings).toEqual({ a: 'no', b: '1:30', c: '2020-01-01' });
  });

  test('settings keep keys that are also members of every object', () => {
    folder.write(
      'config/local.yaml',
      'plugins:\n  badge:\n    settings: { constructor: { prototype: 1 }, toString: x, a.b: 1 }\n',
    );
    const settings = folder.load().config.plugins.sections['badge']?.settings as object;
    expect(Object.entries(settings)).toEqual([
      ['constructor', { prototype: 1 }],
      ['toString', 'x'],
      ['a.b', 1],
    ]);
  });

  test('the result is deeply frozen', () => {
    folder.write('config/local.yaml', 'plugins: { badge: { from: { since: 1d }, settings: { a: [{ b: 1 }] } } }');
    const thawed: unknown[] = [];
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) thawed.push(value);
      Object.values(value).forEach(visit);
    };
    visit(folder.load().config);
    expect(thawed).toEqual([]);
  });

  test('a stream that names only its subjects gets the defaults of a stream', () => {
    folder.write('config/local.yaml', 'streams: [{ name: A, subjects: [a.>] }]\n');
    expect(folder.load().config.streams).toEqual([
      {
        name: 'A',
        subjects: ['a.>'],
        maxAgeMs: 7 * 86_400_000,
        maxBytes: 10 * 1024 ** 3,
        duplicateWindowMs: 120_000,
        storage: 'file',
        replicas: 1,
        manage: true,
      },
    ]);
  });

  test('one load does not affect the next', () => {
    folder.write(
      'config/local.yaml',
      'streams: [{ name: A, subjects: [a.>] }]\nplugins: { badge: { enabled: false } }\n',
    );
    folder.load({ env: { JETPLUG_LOG_LEVEL: 'debug' }, flags: { data: 'd' } });
    const other = new ConfigFolder();
    try {
      const { config } = other.load();
      expect(config.streams).toEqual([]);
      expect(config.plugins.sections).toEqual({});
      expect(config.log.level).toBe('info');
    } finally {
      other.remove();
    }
  });

  test('the process’s own variables and arguments are ignored', () => {
    process.env['JETPLUG_LOG_LEVEL'] = 'error';
    try {
      expect(folder.load().config.log.level).toBe('info');
    } finally {
      delete process.env['JETPLUG_LOG_LEVEL'];
    }
  });

  test('a NODE_ENV that is not a plain name is refused, and no file outside config/ is read', () => {
    folder.write('secret.yaml', 'log: { level: debug }');
    expect(folder.report({ env: { NODE_ENV: '../secret' } })).toMatchInlineSnapshot(`
     "JP_CONFIG_INVALID
       NODE_ENV is "../secret", but takes a plain name: config/$NODE_ENV.yaml is read
       → Write a value as the message describes."
    `);
  });
});
