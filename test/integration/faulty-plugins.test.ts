import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { ErrorReport } from '../../sdk/internal';
import type { PluginStatus } from '../../host/ops/status';
import { jetplug } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS, type TestHost } from '../support/host';
import { lineOf, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { each, handled, statuses } from '../support/story';

const HANDLE = '@Subscribe() handle(_: VideoWatchStarted) {}';

/** Plugins that cannot run, each with the code of its error. The line of the fault has the word HERE. */
const BROKEN: Record<string, { code: string; source: string; checkKnows: boolean }> = {
  'constructor-throws': {
    code: 'JP_PLUGIN_CONSTRUCTOR_FAILED',
    source: pluginSource(
      'ConstructorThrowsPlugin',
      `  constructor() {\n    throw new Error('no'); // HERE\n  }\n  ${HANDLE}`,
    ),
    checkKnows: true,
  },
  'syntax-error': {
    code: 'JP_PLUGIN_SYNTAX',
    source: pluginSource('SyntaxErrorPlugin', `  ${HANDLE}\n  const x = ; // HERE`),
    checkKnows: true,
  },
  'missing-import': {
    code: 'JP_PLUGIN_IMPORT_NOT_FOUND',
    source: pluginSource('MissingImportPlugin', HANDLE, { before: `import './nowhere'; // HERE` }),
    checkKnows: true,
  },
  'load-throws-undefined': {
    code: 'JP_PLUGIN_LOAD_FAILED',
    source: `throw undefined;`,
    checkKnows: true,
  },
  'load-throws': {
    code: 'JP_PLUGIN_LOAD_FAILED',
    source: pluginSource('LoadThrowsPlugin', HANDLE, { before: `JSON.parse('{'); // HERE` }),
    checkKnows: true,
  },
  'start-never-ends': {
    code: 'JP_PLUGIN_LOAD_TIMEOUT',
    source: pluginSource('StartNeverEndsPlugin', `  onStart() { return new Promise(() => {}); }\n  ${HANDLE}`),
    checkKnows: false,
  },
  'start-fails': {
    code: 'JP_PLUGIN_START_FAILED',
    source: pluginSource(
      'StartFailsPlugin',
      `  async onStart() {\n    await null;\n    null!.x; // HERE\n  }\n  ${HANDLE}`,
    ),
    checkKnows: false,
  },
  'name-taken': {
    code: 'JP_PLUGIN_DUPLICATE_NAME',
    source: pluginSource('BadgePlugin', HANDLE).replace('BadgePlugin {', 'BadgePlugin { // HERE'),
    checkKnows: true,
  },
  'durable-taken': {
    code: 'JP_PLUGIN_DUPLICATE_DURABLE',
    source: pluginSource(
      'DurableTakenPlugin',
      `  @Subscribe({ durable: 'badge-award' })\n  handle(_: VideoWatchStarted) {} // HERE`,
    ),
    checkKnows: true,
  },
  'no-stream': {
    code: 'JP_HANDLER_NO_STREAM',
    source: pluginSource('NoStreamPlugin', `  @Subscribe('payments.made')\n  handle() {} // HERE`),
    checkKnows: true,
  },
  'an-interface': {
    code: 'JP_INJECT_INTERFACE',
    source: pluginSource('AnInterfacePlugin', `  constructor(private readonly mailer: Mailer) {}\n  ${HANDLE}`, {
      before: 'interface Mailer { send(): void }',
    }),
    checkKnows: true,
  },
  'no-event': {
    code: 'JP_HANDLER_NO_EVENT',
    source: pluginSource('NoEventPlugin', `  @Subscribe()\n  handle(event: { user_id: string }) {} // HERE`),
    checkKnows: true,
  },
  'a-singleton': {
    code: 'JP_INJECT_SINGLETON',
    source: pluginSource('ASingletonPlugin', `  constructor(shared: Shared) {}\n  ${HANDLE}`, {
      before: `import { singleton } from 'tsyringe';\n@singleton()\nclass Shared {}`,
    }),
    checkKnows: true,
  },
  undecorated: {
    code: 'JP_INJECT_UNDECORATED',
    source: pluginSource('UndecoratedPlugin', `  constructor(helper: Helper) {}\n  ${HANDLE}`, {
      before: 'class Helper { constructor(log: Logger) {} }',
    }),
    checkKnows: true,
  },
  'no-plugin': { code: 'JP_PLUGIN_NONE_EXPORTED', source: 'export class NoPlugin {}', checkKnows: true },
  'two-plugins': {
    code: 'JP_PLUGIN_SEVERAL_EXPORTED',
    source: pluginSource('OnePlugin', HANDLE) + pluginSource('OtherPlugin', HANDLE).split('\n').slice(3).join('\n'),
    checkKnows: true,
  },
  'no-handler': { code: 'JP_PLUGIN_NO_HANDLER', source: pluginSource('NoHandlerPlugin', ''), checkKnows: true },
  'bad-settings': {
    code: 'JP_PLUGIN_SETTINGS_INVALID',
    source: pluginSource('BadSettingsPlugin', HANDLE, { options: '{ settings: z.object({ limit: z.number() }) }' }),
    checkKnows: true,
  },
};

const ONCE = `{ retry: { attempts: 1 }, timeout: '300ms' }`;
const failing = (className: string, body: string): string =>
  pluginSource(className, `  @Subscribe(${ONCE})\n  handle(_: VideoWatchStarted): any {\n    ${body} // HERE\n  }`);

/** Plugins that run, and fail on every event. */
const FAILING: Record<string, { source: string; reason: string; error: RegExp; located: boolean }> = {
  'never-resolves': {
    source: failing('NeverResolvesPlugin', 'return new Promise(() => {});'),
    reason: 'timeout',
    error: /took longer than its timeout of 300 ms/,
    located: false,
  },
  rejects: {
    source: failing('RejectsPlugin', `return Promise.resolve().then(() => { throw new TypeError('it rejects'); });`),
    reason: 'attempts-exhausted',
    error: /^it rejects$/,
    located: true,
  },
  throws: {
    source: failing('ThrowsPlugin', `throw new RangeError('it throws');`),
    reason: 'attempts-exhausted',
    error: /^it throws$/,
    located: true,
  },
  'throws-undefined': {
    source: failing('ThrowsUndefinedPlugin', 'throw undefined;'),
    reason: 'attempts-exhausted',
    error: /throws-undefined\.handle threw undefined, which is not an Error/,
    located: false,
  },
  'rejects-null': {
    source: failing('RejectsNullPlugin', 'return Promise.reject(null);'),
    reason: 'attempts-exhausted',
    error: /rejects-null\.handle threw null, which is not an Error/,
    located: false,
  },
  'throws-traps': {
    source: failing(
      'ThrowsTrapsPlugin',
      `throw { get message() { throw 1; }, get stack() { throw 2; }, get name() { throw 3; } };`,
    ),
    reason: 'attempts-exhausted',
    error: /throws-traps\.handle threw/,
    located: false,
  },
  'throws-strange-errors': {
    source: failing(
      'ThrowsStrangeErrorsPlugin',
      `throw Object.assign(new Error('x'), { name: 7, message: {}, stack: null, cause: 1n });`,
    ),
    reason: 'attempts-exhausted',
    error: /./,
    located: false,
  },
  'returns-traps': {
    source: failing('ReturnsTrapsPlugin', `return { then() { throw new Error('no thenable'); } };`),
    reason: 'attempts-exhausted',
    error: /^no thenable$/,
    located: true,
  },
};

/** Plugins that handle their events, and do harm besides. */
const HARMFUL = {
  prints: pluginSource(
    'PrintsPlugin',
    `  @Subscribe()\n  handle(_: VideoWatchStarted) { console.log('hello'); process.stdout.write('{"half":'); }`,
  ),
};

const scene = new Scene();
/** A high limit for the circuit, so that the events of a failing plugin do not wait and each failure runs to its end. */
const CONFIG = { plugins: { startTimeout: '3s' }, delivery: { circuit: { messages: 1_000 } } };
let folder: string;
let host: TestHost;
let nats: NatsConnection;
let running: PluginStatus[];

beforeAll(async () => {
  const sources = {
    ...mapValues(BROKEN, ({ source }) => source),
    ...mapValues(FAILING, ({ source }) => source),
    ...HARMFUL,
  };
  folder = scene.folder(
    Object.fromEntries(Object.entries(sources).map(([name, source]) => [`${name}.plugin.ts`, source])),
  );
  const server = await scene.server();
  nats = await scene.client(server.url);
  host = await scene.host({ server, plugins: [STORY_PLUGINS, folder], config: CONFIG });
  running = await statuses(host);
}, 60_000);
afterAll(() => scene.end());

describe.each(Object.entries(BROKEN))('%s', (name, { code, source }) => {
  const expected = () => ({
    code,
    file: fileOf(name),
    ...(source.includes('HERE') ? { line: lineOf(source, 'HERE') } : {}),
  });

  test('the log names its file, line and code', () => {
    const lines = host.logged('a plugin fails').filter(({ file }) => file === fileOf(name));
    expect(lines).toEqual([
      expect.objectContaining({ level: 'error', error: expect.any(String), hint: expect.any(String), ...expected() }),
    ]);
  });

  test('`plugins --json` shows it as failed, with the reason', () => {
    const own = running.filter(({ file }) => file === fileOf(name));
    expect(own).toEqual([
      expect.objectContaining({ state: 'failed', handlers: [], error: expect.objectContaining(expected()) }),
    ]);
  });

  test('/readyz names it', async () => {
    const response = await fetch(`${host.url}/readyz`);
    const { reasons } = (await response.json()) as { reasons: string[] };
    expect(response.status).toBe(503);
    expect(reasons).toContainEqual(expect.stringContaining(`(${code})`));
  });
});

test('`check --json` names every fault that can be found without starting a plugin', async () => {
  const result = await jetplug(['check', '--json', '--plugins', STORY_PLUGINS, folder]);
  const problems = result.json<ErrorReport[]>();
  const known = Object.entries(BROKEN).filter(([, { checkKnows }]) => checkKnows);
  expect(result.code).toBe(1);
  expect(problems.map(({ file, code }) => ({ file, code }))).toEqual(
    expect.arrayContaining(known.map(([name, { code }]) => ({ file: fileOf(name), code }))),
  );
  expect(problems).toHaveLength(known.length);
  for (const [name, { source }] of known) {
    if (source.includes('HERE'))
      expect(problems).toContainEqual(expect.objectContaining({ file: fileOf(name), line: lineOf(source, 'HERE') }));
  }
});

test('the six others handle everything, and only the faulty plugins fail', async () => {
  for (let i = 0; i < 20; i++)
    nats.publish('video.watch_started', JSON.stringify({ user_id: `u${i}`, video_id: 'v1' }));
  await eventually(async () => expect(await handled(host)).toMatchObject(each(20)) === undefined);
  expect((await statuses(host)).filter(({ state }) => state === 'running').map(({ plugin }) => plugin)).toEqual(
    expect.arrayContaining([
      'analytics',
      'badge',
      'notification',
      'ranking',
      'recommendation',
      'user-preferences',
      ...Object.keys(FAILING),
    ]),
  );
});

test.each(Object.entries(FAILING))(
  '%s: its events are dead letters that name the fault',
  async (name, { source, reason, error, located }) => {
    const letters = await eventually(async () => {
      const own = (await storedLetters(nats)).filter(({ header }) => header.get('x-plugin') === name);
      return own.length === 20 && own;
    });
    for (const { header } of letters) {
      expect(header.get('x-dead-letter-reason')).toBe(reason);
      expect(header.get('x-attempts')).toBe('1');
      expect(decodeURIComponent(header.get('x-error-message'))).toMatch(error);
      if (located)
        expect(decodeURIComponent(header.get('x-error-stack'))).toContain(`${fileOf(name)}:${lineOf(source, 'HERE')}`);
    }
  },
);

test('output of a plugin becomes log lines, and never stands between them', async () => {
  await eventually(() => host.logged('a plugin printed').length >= 20);
  expect(host.logged('a plugin printed')[0]).toMatchObject({ level: 'info', text: 'hello' });
  expect(host.noise).toEqual([]);
});

function fileOf(name: string): string {
  return join(folder, `${name}.plugin.ts`);
}

function mapValues<T, U>(map: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
