import { join } from 'node:path';
import { inspect } from 'node:util';
import { ConfigFolder, type Given } from './config-folder';

const SECRET = 'hunter2';

/** Config files that are wrong in every way around a secret. */
const FILES = [
  'nats: { credentials: { user: u, password: hunter2, token: hunter2 } }',
  'nats: { credentials: { user: u, password: hunter2, passwordFile: nowhere } }',
  'nats: { credentials: { password: hunter2 } }',
  'nats: { credentials: { password: [hunter2] } }',
  'nats: { credentials: { password: { a: hunter2 } } }',
  'nats: { credentials: { pasword: hunter2 } }',
  'nats: { credentials: { password:hunter2 } }',
  'nats: { credentials: { user: u, token:hunter2: } }',
  'nats: { credentials: "password: hunter2" }',
  'nats: { credentials: hunter2 }',
  'nats: { credentials: [hunter2] }',
  'nats: { password: hunter2, user: { hunter2: hunter2 } }',
  'nats: { servers: ["nats://u:hunter2@host:4222"] }',
  'nats: { servers: "nats://u:hunter2@host:4222" }',
  'nats: { servers: [{ password: hunter2 }, "nats://hunter2@host"] }',
  'nats: { servers: { password: hunter2 } }',
  'nats: { embedded: { port: { password: hunter2 } } }',
  'password: hunter2',
  'plugins: { password:hunter2: {} }',
  'plugins: { password:hunter2 }',
  'plugins: { badge: { settings: &a { hunter2: *b } } }',
  'nats:\n  credentials:\n    password: *hunter2\n',
  'nats:\n  credentials:\n    password: !hunter2\n',
  'nats:\n  credentials:\n    password: !hunter2 x\n',
  'nats:\n  credentials:\n    password: "hunter2\n',
  'nats:\n  credentials:\n    password: "x" hunter2\n',
  'nats:\n  credentials:\n    password: @hunter2\n',
  'nats:\n  credentials:\n    password: %hunter2\n',
  'nats:\n  credentials:\n    password: hunter2: x\n',
  'nats:\n  credentials:\n    password: {hunter2\n',
  'nats:\n  credentials:\n    password: "\\hunter2"\n',
  'nats:\n  credentials:\n    password: "x"hunter2\n',
  'nats:\n  credentials:\n    password:\n    hunter2\n',
  'nats:\n  credentials:\n    password: a\n    password: hunter2\n',
  '- hunter2',
  'hunter2',
];

const OTHERS: [string, Given][] = [
  ['a variable for each of two ways', { env: { JETPLUG_NATS_TOKEN: SECRET, JETPLUG_NATS_PASSWORD: SECRET } }],
  ['a password without a user', { env: { JETPLUG_NATS_PASSWORD: SECRET } }],
  ['a mistyped variable', { env: { JETPLUG_NATS_TOKN: SECRET } }],
  ['a server with a password', { env: { JETPLUG_NATS_SERVERS: 'nats://u:hunter2@host' } }],
  ['a server whose password has a comma', { env: { JETPLUG_NATS_SERVERS: 'nats://u:hunter2,x@host' } }],
  ['a flag with a password', { flags: { servers: ['nats://u:hunter2@host'] } }],
];

describe('a secret never appears in the errors of', () => {
  let folder: ConfigFolder;
  beforeEach(() => (folder = new ConfigFolder()));
  afterEach(() => folder.remove());

  function everythingSaid(given?: Given): string {
    const problems = folder.problems(given);
    expect(problems).not.toEqual([]);
    // The stacks name this file's own lines, not the config's.
    return (
      JSON.stringify(problems) + problems.map((problem) => inspect(problem, { depth: null, showHidden: true })).join()
    );
  }

  test.each(FILES)('%j', (yaml) => {
    folder.write('config/local.yaml', yaml);
    expect(everythingSaid()).not.toContain(SECRET);
  });

  test.each(OTHERS)('%s', (_name, given) => {
    expect(everythingSaid(given)).not.toContain(SECRET);
  });

  test('a file that holds a secret, and another that is empty', () => {
    folder.write('secrets/password', SECRET);
    folder.write('secrets/token', '\n');
    folder.write(
      'config/local.yaml',
      'nats: { credentials: { user: u, passwordFile: secrets/password, tokenFile: secrets/token } }',
    );
    expect(everythingSaid()).not.toContain(SECRET);
  });
});

test('the config holds the path of a secret’s file and not the secret, so that each connect reads the current secret', () => {
  const folder = new ConfigFolder();
  try {
    folder.write('secrets/password', SECRET);
    folder.write('config/local.yaml', 'nats: { credentials: { user: u, passwordFile: secrets/password } }');
    const { credentials } = folder.load().config.nats;
    expect(credentials).toEqual({ user: 'u', passwordFile: join(folder.dir, 'secrets/password') });
  } finally {
    folder.remove();
  }
});
