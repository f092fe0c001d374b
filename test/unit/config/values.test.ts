import path from 'node:path';
import { loadWritten } from '../../../host/config/load';
import { configValues, pathOf } from '../../../host/config/values';
import { ConfigFolder, type Given } from './config-folder';

let folder: ConfigFolder;
beforeEach(() => (folder = new ConfigFolder()));
afterEach(() => folder.remove());

/** Each value with its origin, by its path. */
function values(given: Given = {}): Record<string, unknown> {
  const found = configValues(loadWritten({ cwd: folder.dir, env: {}, ...given }));
  return Object.fromEntries(
    found.map(({ keys, value, source }) => {
      const place = source.layer === 'file' ? `${path.basename(source.file)}:${source.line}` : undefined;
      return [pathOf(keys), [value, place ?? ('name' in source ? source.name : source.layer)]];
    }),
  );
}

test('each value has the layer that sets it', () => {
  folder.write('config/default.yaml', 'log:\n  level: warn\ndelivery:\n  ackWait: 30s\nplugins:\n  dirs: [a, b]\n');
  folder.write('config/local.yaml', 'delivery: { ackWait: 10s }\n');
  const found = values({ env: { JETPLUG_LOG_LEVEL: 'debug' }, flags: { http: 'local:1' } });
  expect(found).toMatchObject({
    'deploy.name': ['jetplug', 'default'],
    'delivery.ackWait': ['10s', 'local.yaml:1'],
    'plugins.dirs': [['a', 'b'], 'default.yaml:6'],
    'log.level': ['debug', 'JETPLUG_LOG_LEVEL'],
    'http.listen': ['local:1', '--http'],
  });
  // A key that is not set has no value.
  expect(found).not.toHaveProperty(['nats.domain']);
});

test('streams and sections of plugins are listed key by key', () => {
  folder.write('config/default.yaml', 'streams:\n  - { name: A, subjects: [a.>] }\n  - { name: B, subjects: [b.>] }\n');
  folder.write(
    'config/local.yaml',
    'streams:\n  - name: B\n    replicas: 3\nplugins:\n  badge:\n    timeout: 3s\n    settings: { deep: { a.b: 1, none: null } }\n',
  );
  expect(values()).toMatchObject({
    'streams[A].subjects': [['a.>'], 'default.yaml:2'],
    'streams[B].subjects': [['b.>'], 'default.yaml:3'],
    'streams[B].replicas': [3, 'local.yaml:3'],
    'streams[B].maxAge': ['7d', 'default'],
    'plugins.badge.enabled': [true, 'default'],
    'plugins.badge.timeout': ['3s', 'local.yaml:6'],
    'plugins.badge.settings.deep.a.b': [1, 'local.yaml:7'],
    'plugins.badge.settings.deep.none': [null, 'local.yaml:7'],
  });
});

test('no secret is listed', () => {
  folder.write('password', 'hunter1');
  folder.write(
    'config/local.yaml',
    `nats: { credentials: { user: u, passwordFile: password } }
http: { operatorToken: hunter2hunter2hunter2 }
plugins:
  badge:
    settings:
      apiKey: hunter3
      smtp: { password: 4004, auth_token: hunter5, secrets: [hunter6] }
      database: postgres://hunter7:hunter8@db/x
      mirrors: [{ url: "https://hunter9@host/x", clientSecret: hunter10 }]
      tokenize: visible
`,
  );
  const found = values();
  expect(JSON.stringify(found)).not.toMatch(/hunter|4004/);
  expect(found).toMatchObject({
    'nats.credentials.user': ['u', 'local.yaml:1'],
    'nats.credentials.passwordFile': ['password', 'local.yaml:1'],
    'http.operatorToken': ['•••', 'local.yaml:2'],
    'plugins.badge.settings.database': ['postgres://•••@db/x', 'local.yaml:8'],
    'plugins.badge.settings.mirrors': [[{ url: 'https://•••@host/x', clientSecret: '•••' }], 'local.yaml:9'],
    'plugins.badge.settings.tokenize': ['visible', 'local.yaml:10'],
  });
});
