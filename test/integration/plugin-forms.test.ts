import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

const handler = (body: string): string =>
  `  @Subscribe('video.>') handle(_: any, context: EventContext) { context.log.info('ran', ${body}); }`;

/** One folder with plugins in all supported forms. */
const FORMS = {
  'plain-js.plugin.js': `
    const { Plugin, Subscribe, defineEvent } = require('jetplug/sdk');
    const { z } = require('zod');
    const Watched = class extends defineEvent('video.watch_started', z.object({ user_id: z.string() })) {};
    @Plugin()
    class PlainJsPlugin {
      @Subscribe(Watched)
      handle(event, context) { context.log.info('ran', { isInstance: event instanceof Watched }); }
    }
    module.exports = PlainJsPlugin;`,
  'js-module.plugin.js': `
    import { Plugin, Subscribe } from 'jetplug/sdk';
    @Plugin() export class JsModulePlugin {
      @Subscribe('video.>') handle(event, context) { context.log.info('ran', {}); }
    }`,
  'folder-form/index.plugin.ts': pluginSource('FolderFormPlugin', handler('{ helper: help() }'), {
    before: `import { help } from './helper';`,
  }),
  'folder-form/helper.ts': `import data from './data.json';\nexport const help = (): string => data.word;`,
  'folder-form/data.json': `{ "word": "helped" }`,
  'deep-js-import.plugin.ts': pluginSource('DeepJsImportPlugin', handler('{ helper: help() }'), {
    before: `import { help } from './folder-form/helper.js';`,
  }),
  'own-package.plugin.ts': pluginSource('OwnPackagePlugin', handler('{ answer }'), {
    before: `import { answer } from 'only-here';`,
  }),
  'node_modules/only-here/package.json': `{ "name": "only-here", "main": "main.js" }`,
  'node_modules/only-here/main.js': `exports.answer = 42;`,
  'settings.plugin.ts': pluginSource(
    'SettingsPlugin',
    `  constructor(private readonly settings: Settings<{ limit: number; unit: string }>) {}\n${handler('this.settings.value')}`,
    {
      options: `{ settings: z.object({ limit: z.number(), unit: z.string().default('m') }) }`,
    },
  ),
  // Two plugins inject one container-scoped class: each gets its own instance, with its own store.
  'shared/counter.ts': `
    import { Lifecycle, scoped } from 'tsyringe';
    import { Store } from 'jetplug/sdk';
    @scoped(Lifecycle.ContainerScoped)
    export class Counter {
      constructor(private readonly counts: Store<number>) {}
      count(): Promise<number> { return this.counts.update('n', (n = 0) => n + 1); }
    }`,
  'scoped-a.plugin.ts': scopedPlugin('ScopedAPlugin'),
  'scoped-b.plugin.ts': scopedPlugin('ScopedBPlugin'),
  'disabled.plugin.ts': pluginSource('DisabledPlugin', handler('{}')),
  'in-time.plugin.ts': pluginSource(
    'InTimePlugin',
    `  constructor(private readonly clock: Clock) {}\n${handler('{ now: this.clock.now() instanceof Date }')}`,
  ),
  // Files that are not plugins are skipped.
  'a.test.ts': 'throw 1;',
  'b.plugin.test.ts': 'throw 1;',
  'c.plugin.spec.js': 'throw 1;',
  'd.plugin.d.ts': 'throw 1;',
  'e.plugin.mjs': 'throw 1;',
  '.f.plugin.ts': 'throw 1;',
  'g.plugin.ts.tmp': 'throw 1;',
  'h.plugin.ts~': 'throw 1;',
  'i.plugin.ts': '',
  'helper.ts': 'throw 1;',
};
const OTHER = { 'elsewhere.plugin.ts': pluginSource('ElsewherePlugin', handler('{}')) };

const scene = new Scene();
let host: TestHost;
let nats: NatsConnection;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  const config = { plugins: { settings: { settings: { limit: 3 } }, disabled: { enabled: false } } };
  host = await scene.host({ server, plugins: [scene.folder(FORMS), scene.folder(OTHER)], config });
  nats.publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}');
});
afterAll(() => scene.end());

test.each([
  ['plain-js', { isInstance: true }],
  ['js-module', {}],
  ['folder-form', { helper: 'helped' }],
  ['deep-js-import', { helper: 'helped' }],
  ['own-package', { answer: 42 }],
  ['settings', { limit: 3, unit: 'm' }],
  ['scoped-a', { first: 1, second: 2 }],
  ['scoped-b', { first: 1, second: 2 }],
  ['in-time', { now: true }],
  ['elsewhere', {}],
])('%s, in a folder outside the repository, handles the event', async (name, fields) => {
  const line = await eventually(() => host.logged('ran').find(({ plugin }) => plugin === name));
  expect(line).toMatchObject(fields);
});

test('a disabled plugin does not run', async () => {
  expect(host.logged('ran').filter(({ plugin }) => plugin === 'disabled')).toEqual([]);
  expect((await ask(nats)).find(({ plugin }) => plugin === 'disabled')).toMatchObject({
    state: 'stopped',
    handlers: [],
  });
});

test('each file that looks like a plugin and is not one is reported with the reason', () => {
  const skipped = host
    .logged('skipped a file in the plugins folder')
    .map(({ file, why }) => [String(file).split('/').at(-1), why]);
  expect(Object.fromEntries(skipped)).toEqual({
    '.f.plugin.ts': 'a temporary or hidden file',
    'b.plugin.test.ts': 'a test',
    'c.plugin.spec.js': 'a test',
    'd.plugin.d.ts': 'a declaration file',
    'e.plugin.mjs': expect.stringContaining('ES module'),
    'g.plugin.ts.tmp': 'a temporary or hidden file',
    'h.plugin.ts~': 'a temporary or hidden file',
    'i.plugin.ts': expect.stringContaining('empty'),
  });
});

test('there are no other errors', async () => {
  expect(host.logged('a plugin fails')).toEqual([]);
  expect(host.noise).toEqual([]);
  expect((await fetch(`${host.url}/readyz`)).status).toBe(200);
});

function scopedPlugin(className: string): string {
  return pluginSource(
    className,
    `  constructor(private readonly one: Counter, private readonly other: Counter) {}
  @Subscribe('video.>')
  async handle(_: any, context: EventContext) {
    context.log.info('ran', { first: await this.one.count(), second: await this.other.count(), same: this.one === this.other });
  }`,
    { before: `import { Counter } from './shared/counter';` },
  );
}
