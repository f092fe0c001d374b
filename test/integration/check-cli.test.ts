/** The findings of `jetplug check` about plugins. Each is loaded and built in a process without a network. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ErrorReport } from '../../sdk/internal';
import { jetplug } from '../support/cli';
import { lineOf, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
const connections: string[] = [];
const server = createServer((request, response) => {
  connections.push(request.url!);
  response.end('{}');
});
beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
afterAll(async () => {
  server.close();
  await scene.end();
});

const handler = '  @Subscribe() handle(_: VideoWatchStarted) {}';

interface Wrong {
  readonly source: string;
  readonly code: string;
  readonly message: RegExp;
}

const WRONG: Readonly<Record<string, Wrong>> = {
  hidden: {
    source: pluginSource('HiddenPlugin', handler).replace(
      'export class HiddenPlugin {',
      'class HiddenPlugin { // HERE',
    ),
    code: 'JP_PLUGIN_NONE_EXPORTED',
    message: /^HiddenPlugin has @Plugin\(\), but the file does not export it$/,
  },
  bare: {
    source: pluginSource('BarePlugin', handler).replace('@Plugin()', '// no decorator').replace('{\n', '{ // HERE\n'),
    code: 'JP_PLUGIN_NONE_EXPORTED',
    message: /BarePlugin is exported, but not decorated$/,
  },
  nothing: {
    source: 'export const x = 1; // HERE',
    code: 'JP_PLUGIN_NONE_EXPORTED',
    message: /^the file exports no class/,
  },
  builds: {
    source: pluginSource('BuildsPlugin', `  constructor() { throw new TypeError('no disk'); } // HERE\n${handler}`),
    code: 'JP_PLUGIN_CONSTRUCTOR_FAILED',
    message: /^BuildsPlugin: no disk$/,
  },
  hangs: {
    source: pluginSource('HangsPlugin', `  constructor() { for (;;); }\n${handler}`).replace(
      /(class [A-Za-z]+ [{])/,
      '$1 // HERE',
    ),
    code: 'JP_PLUGIN_LOAD_TIMEOUT',
    message: /^its constructor did not end within 1500 ms$/,
  },
  exits: {
    source: pluginSource('ExitsPlugin', `  constructor() { process.exit(0); }\n${handler}`).replace(
      /(class [A-Za-z]+ [{])/,
      '$1 // HERE',
    ),
    code: 'JP_PLUGIN_LOAD_FAILED',
    message: /^its constructor ended the process: exit code 0$/,
  },
  statics: {
    source: pluginSource('StaticsPlugin', '  @(Subscribe as any)(VideoWatchStarted) static handle(_: any) {} // HERE'),
    code: 'JP_HANDLER_NOT_A_METHOD',
    message: /handle, a static member/,
  },
  property: {
    source: pluginSource('PropertyPlugin', '  @(Subscribe as any)(VideoWatchStarted) handle = 1; // HERE'),
    code: 'JP_HANDLER_NOT_A_METHOD',
    message: /handle, a property/,
  },
};

function pluginsOf(sources: Readonly<Record<string, string>>): string {
  return scene.folder(
    Object.fromEntries(Object.entries(sources).map(([name, source]) => [`${name}.plugin.ts`, source])),
  );
}

test('each plugin that cannot run is a problem with its line, even if it ends the process', async () => {
  const folder = pluginsOf(Object.fromEntries(Object.entries(WRONG).map(([name, { source }]) => [name, source])));
  const config = join(scene.folder({ 'c.yaml': 'plugins:\n  startTimeout: 1500ms\n' }), 'c.yaml');
  const result = await jetplug(['check', '--json', '--plugins', folder, '--config', config]);
  expect(result.code).toBe(1);
  const problems = result.json<ErrorReport[]>();
  expect(problems).toHaveLength(Object.keys(WRONG).length);
  for (const [name, { source, code, message }] of Object.entries(WRONG)) {
    const file = join(folder, `${name}.plugin.ts`);
    const line = lineOf(source, 'HERE');
    expect(problems).toContainEqual(
      expect.objectContaining({ file, code, message: expect.stringMatching(message), line }),
    );
  }
});

test('two plugins with one name, and two with one durable, are duplicates with both files', async () => {
  const folder = pluginsOf({
    first: pluginSource('SamePlugin', handler),
    second: pluginSource('SamePlugin', handler),
    third: pluginSource('OtherPlugin', `  @Subscribe({ durable: 'same-handle' }) handle(_: VideoWatchStarted) {}`),
  });
  const problems = (await jetplug(['check', '--json', '--plugins', folder])).json<ErrorReport[]>();
  const [first, second] = ['first', 'second'].map((name) => join(folder, `${name}.plugin.ts`));
  expect(problems).toEqual([
    expect.objectContaining({
      code: 'JP_PLUGIN_DUPLICATE_NAME',
      message: `duplicate plugin name same: it is that of ${first} and of ${second}`,
      file: second,
    }),
    expect.objectContaining({ code: 'JP_PLUGIN_DUPLICATE_DURABLE', message: expect.stringContaining(first!) }),
  ]);
});

test('a constructor has no network: each attempt to use it is a warning at its line, and the plugin is sound', async () => {
  const { port } = server.address() as AddressInfo;
  const source = pluginSource(
    'EarlyPlugin',
    `  constructor() {
    connect(${port}, '127.0.0.1'); // CONNECT
    lookup('example.invalid', () => undefined); // LOOKUP
    void fetch('http://127.0.0.1:${port}/fetched');
    createServer().listen(0); // LISTEN
    console.log('printed');
  }
  onStart() { throw new Error('not without --start'); }\n${handler}`,
    { before: `import { connect, createServer } from 'node:net';\nimport { lookup } from 'node:dns';\n` },
  );
  const folder = pluginsOf({ early: source });
  const result = await jetplug(['check', '--json', '--plugins', folder]);
  expect(result.code).toBe(0);
  const warnings = result.json<(ErrorReport & { warning: boolean })[]>();
  for (const [what, mark] of [
    [`connects to 127.0.0.1:${port}`, 'CONNECT'],
    ['looks up example.invalid', 'LOOKUP'],
    ['listens on 0', 'LISTEN'],
  ] as const) {
    expect(warnings).toContainEqual(
      expect.objectContaining({
        warning: true,
        code: 'JP_PLUGIN_CONNECTS_EARLY',
        message: `EarlyPlugin ${what} before it starts`,
        file: join(folder, 'early.plugin.ts'),
        line: lineOf(source, mark),
      }),
    );
  }
  expect(connections).toEqual([]);
  const shown = await jetplug(['check', '--plugins', folder]);
  expect(shown.stdout).toContain(`! EarlyPlugin connects to 127.0.0.1:${port} before it starts`);
  expect(shown.stdout).not.toContain('✖');
  expect(shown.stdout).toContain('the config and 1 plugin are sound: early');
});

test('onStart and onStop are called only with --start, and then have the network', async () => {
  const { port } = server.address() as AddressInfo;
  const folder = pluginsOf({
    starts: pluginSource(
      'StartsPlugin',
      `  constructor(private readonly store: Store<number>) {}
  async onStart() {
    await fetch('http://127.0.0.1:${port}/start');
    if (await this.store.update('n', (n = 0) => n + 1) !== 1) throw new Error('no store');
  }
  async onStop() { await fetch('http://127.0.0.1:${port}/stop'); }\n${handler}`,
    ),
    fails: pluginSource('FailsPlugin', `  onStart() { throw new RangeError('no rights'); }\n${handler}`),
  });
  expect(await jetplug(['check', '--json', '--plugins', folder])).toMatchObject({ code: 0 });
  expect(connections).toEqual([]);
  const result = await jetplug(['check', '--json', '--start', '--plugins', folder]);
  expect(result.json()).toEqual([
    expect.objectContaining({ code: 'JP_PLUGIN_START_FAILED', message: 'FailsPlugin.onStart: RangeError: no rights' }),
  ]);
  expect(connections).toEqual(['/start', '/stop']);
});
