import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findBinary, type Binary } from '../../../host/nats-server/find-binary';
import { FakeMachine, fakeServer } from './fake-machine';

let machine: FakeMachine;
let said: string[];

beforeEach(() => {
  machine = new FakeMachine();
  said = [];
});

afterEach(() => {
  machine.remove();
});

test('takes the configured binary, and looks nowhere else', async () => {
  machine.install('nats-server', fakeServer('2.14.0'));
  const path = machine.write('mine/nats-server', fakeServer('2.12.0'));
  expect(await find({ configured: path })).toEqual({ path, version: '2.12.0' });
});

test.each([
  ['does not exist', '/nowhere/nats-server', 'there is no file that may be run'],
  ['is a folder', '/tmp', 'there is no file that may be run'],
])('a configured binary that %s is an error at once', async (_, configured, reason) => {
  machine.install('nats-server', fakeServer());
  await expect(find({ configured })).rejects.toMatchObject({
    code: 'JP_BROKER_NOT_FOUND',
    message: expect.stringContaining(`${configured} cannot be used: ${reason}`),
    hint: expect.stringContaining('nats.embedded.binary'),
  });
});

test('takes the one on the PATH before the cache', async () => {
  const path = machine.install('nats-server', fakeServer('2.14.1'));
  machine.write('cache/nats-server-v2.15.2/nats-server', fakeServer());
  expect(await find()).toEqual({ path, version: '2.14.1' });
  expect(said).toEqual([`nats-server from the PATH: version 2.14.1, ${path}`]);
});

test('takes the one in the cache when the PATH has none', async () => {
  machine.write('cache/nats-server-v2.15.2/nats-server', fakeServer());
  expect(await find()).toEqual({ path: machine.cached, version: '2.15.2' });
  expect(said[0]).toBe('nats-server from the PATH: no nats-server there');
});

test.each([
  ['does not run', 'exit 3', 'it ended with exit code 3'],
  ['is something else', 'echo hello', 'does not print a version as nats-server does'],
  ['is too old', fakeServer('2.11.9'), 'has version 2.11.9; Jetplug needs 2.12.0 or newer'],
  ['is the package of Debian', fakeServer('2.9.10'), 'has version 2.9.10; Jetplug needs 2.12.0 or newer'],
])('goes on to the cache when the one on the PATH %s, and says so', async (_, script, reason) => {
  machine.install('nats-server', script);
  machine.write('cache/nats-server-v2.15.2/nats-server', fakeServer());
  expect((await find()).path).toBe(machine.cached);
  expect(said[0]).toContain(reason);
});

test('builds it with go where go is, into the cache', async () => {
  machine.install(
    'go',
    `test "$*" = "install -v github.com/nats-io/nats-server/v2@v2.15.2" || exit 9
    test -z "$GOOS" || exit 8
    printf '#!/bin/sh\\necho "nats-server: v2.15.2"\\n' > "$GOBIN/nats-server"
    /bin/chmod +x "$GOBIN/nats-server"`,
  );
  expect(await find({ env: { ...machine.env, GOOS: 'plan9' } })).toEqual({ path: machine.cached, version: '2.15.2' });
  expect(readdirSync(machine.cache)).toEqual(['nats-server-v2.15.2']);
  expect(said.join('\n')).toContain('go install: building v2.15.2');

  said = [];
  await find();
  expect(said).toHaveLength(2);
  expect(said[1]).toContain('from the cache');
});

test('replaces one in the cache that is too old, by the next step that gives one', async () => {
  machine.write('cache/nats-server-v2.15.2/nats-server', fakeServer('2.9.10'));
  machine.install(
    'go',
    `printf '#!/bin/sh\\necho "nats-server: v2.15.2"\\n' > "$GOBIN/nats-server"
    /bin/chmod +x "$GOBIN/nats-server"`,
  );
  expect(await find()).toEqual({ path: machine.cached, version: '2.15.2' });
  expect(said[1]).toContain(`${machine.cached} has version 2.9.10; Jetplug needs 2.12.0 or newer`);
});

test('a configured binary that is too old is an error at once, which names both versions', async () => {
  machine.install('nats-server', fakeServer());
  const configured = machine.write('mine/nats-server', fakeServer('2.10.27'));
  await expect(find({ configured })).rejects.toMatchObject({
    code: 'JP_BROKER_NOT_FOUND',
    message: `the configured nats-server ${configured} cannot be used: ${configured} has version 2.10.27; Jetplug needs 2.12.0 or newer`,
  });
});

test('when all fail, one error lists what was tried, why it failed, and what to do', async () => {
  machine.install('go', 'exit 1');
  await expect(find()).rejects.toMatchObject({
    code: 'JP_BROKER_NOT_FOUND',
    hint: expect.stringContaining('Install nats-server'),
    cause: expect.any(AggregateError),
    message: [
      'the embedded broker needs nats-server. Tried without success:',
      '  - the PATH: no nats-server there',
      `  - the cache: no ${machine.cached} yet`,
      '  - the official release: 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
      '  - go install: it ended with exit code 1',
    ].join('\n'),
  });
  expect(readdirSync(machine.cache)).toEqual(['nats-server-v2.15.2']);
  expect(readdirSync(dirname(machine.cached))).toEqual([]);
});

test('clears away what a host that was killed while fetching has left, but not the work of one that runs', async () => {
  for (const pid of [999_999_999, process.pid])
    mkdirSync(join(machine.cache, `fetching-${pid}-x`), { recursive: true });
  await expect(find()).rejects.toMatchObject({ code: 'JP_BROKER_NOT_FOUND' });
  machine.install('go', 'exit 1');
  await expect(find()).rejects.toMatchObject({ code: 'JP_BROKER_NOT_FOUND' });
  expect(readdirSync(machine.cache).sort()).toEqual([`fetching-${process.pid}-x`, 'nats-server-v2.15.2']);
});

test('a cache that cannot be written is the reason given', async () => {
  writeFileSync(machine.cache, 'a file');
  await expect(find()).rejects.toThrow(/the official release: .*(EEXIST|ENOTDIR)/);
});

test('the cache is beside the other caches of the user', async () => {
  const { JETPLUG_CACHE_DIR: _, ...env } = machine.env;
  const home = join(machine.folder, 'home');
  const atHome = machine.write('home/.cache/jetplug/nats-server-v2.15.2/nats-server', fakeServer());
  const shared = machine.write('shared/jetplug/nats-server-v2.15.2/nats-server', fakeServer());
  expect((await find({ env: { ...env, HOME: home } })).path).toBe(atHome);
  expect((await find({ env: { ...env, HOME: home, XDG_CACHE_HOME: join(machine.folder, 'shared') } })).path).toBe(
    shared,
  );
  expect((await find({ env: { ...env, HOME: home, XDG_CACHE_HOME: 'relative' } })).path).toBe(atHome);
});

function find(options: { configured?: string; env?: FakeMachine['env'] } = {}): Promise<Binary> {
  return findBinary({
    configured: '',
    env: machine.env,
    releasesUrl: 'http://127.0.0.1:1',
    say: (line) => said.push(line),
    ...options,
  });
}
