/** The effective config that `jetplug check --print` prints, and the note on a missing layer. */
import { parse } from 'yaml';
import type { ErrorReport } from '../../sdk/internal';
import { jetplug } from '../support/cli';
import { Scene } from '../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

const DEFAULTS = `streams:
  - name: EVENTS
    subjects: [orders.>]
  - name: LOGS
    subjects: [logs.>]
log: { level: warn }
`;
const LOCAL = `streams: [{ name: LOGS, maxAge: 1d }]
plugins:
  broken: { timeout: 3s, settings: { url: "http://u:hunter2@h/", "a: b": "two\\nlines" } }
`;

function folder(local = LOCAL): string {
  return scene.folder({
    'config/default.yaml': DEFAULTS,
    'config/local.yaml': local,
    'plugins/broken.plugin.ts': 'this is no TypeScript',
  });
}

test('the output is the config as YAML, with the origin of each value, though a plugin is broken', async () => {
  const env = { JETPLUG_NATS_TOKEN: 'hunter1' };
  const { code, stdout } = await jetplug(['check', '--print'], { cwd: folder(), env });
  expect(code).toBe(0);
  expect(stdout).not.toContain('hunter');
  const lines = stdout.split('\n').map((line) => line.replace(/ +#/, ' #'));
  expect(lines).toEqual(
    expect.arrayContaining([
      '    token: ••• # JETPLUG_NATS_TOKEN',
      '  - name: EVENTS # config/default.yaml:2',
      '    maxAge: 7d # built-in default',
      '    maxAge: 1d # config/local.yaml:1',
      '  level: warn # config/default.yaml:6',
      '    timeout: 3s # config/local.yaml:3',
    ]),
  );
  expect(parse(stdout)).toMatchObject({
    streams: [
      { name: 'EVENTS', subjects: ['orders.>'], maxAge: '7d' },
      { name: 'LOGS', subjects: ['logs.>'], maxAge: '1d' },
    ],
    plugins: { dirs: ['plugins'], broken: { settings: { url: 'http://•••@h/', 'a: b': 'two\nlines' } } },
    delivery: { circuit: { messages: 5 } },
  });
});

test('with --json each value has its key and its origin', async () => {
  const cwd = folder();
  const values = (await jetplug(['check', '--print', '--json'], { cwd })).json<object[]>();
  expect(values).toContainEqual({ key: 'deploy.name', value: 'jetplug', origin: 'default' });
  const file = `${cwd}/config/local.yaml`;
  expect(values).toContainEqual({ key: 'streams[LOGS].maxAge', value: '1d', origin: 'file', file, line: 1 });
});

test('of a faulty config the problems are printed', async () => {
  const result = await jetplug(['check', '--print', '--json'], { cwd: folder('log: { level: loud }\n') });
  expect(result.code).toBe(1);
  expect(result.stdout).toBe('');
  expect(result.errors()).toEqual([expect.objectContaining<Partial<ErrorReport>>({ line: 1 })]);
});

test('a NODE_ENV without its layer is mentioned, and is no problem', async () => {
  const cwd = scene.folder({ 'plugins/README': '', 'config/staging.yaml': '' });
  const check = async (environment: string, ...flags: string[]) => {
    const { code, stdout } = await jetplug(['check', ...flags], { cwd, env: { NODE_ENV: environment } });
    return { code, note: /NODE_ENV is .*/.exec(stdout)?.[0] };
  };
  const note = 'NODE_ENV is production, and there is no config/production.yaml: the config has no layer for it';
  expect(await check('production')).toEqual({ code: 0, note });
  expect(await check('production', '--print')).toEqual({ code: 0, note });
  expect(await check('staging')).toEqual({ code: 0, note: undefined });
  expect(await check('test')).toEqual({ code: 0, note: undefined });
});
