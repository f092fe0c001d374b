/** `jetplug docs`, from the contracts that hosts have published, and from files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JetStreamManager } from 'nats';
import { parse } from 'yaml';
import { jetplug } from '../support/cli';
import { blocksOf } from '../support/markdown';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
let server: TestServer;
let jsm: JetStreamManager;
beforeAll(async () => {
  server = await scene.server();
  jsm = await (await scene.client(server.url)).jetstreamManager();
});
afterAll(() => scene.end());

const HANDLER = '  @Subscribe() handle(_: VideoWatchStarted) {}';
const OTHER_CONTRACT = `export class Other extends defineEvent('video.watch_started', z.object({ at: z.date() })) {}`;
const SOURCES = {
  'first.plugin.ts': pluginSource(
    'FirstPlugin',
    `${HANDLER}\n  never(bus: EventBus) { bus.publish(VideoPublished, {} as never); }`,
  ),
  'apart.plugin.ts': pluginSource('ApartPlugin', '  @Subscribe() handle(_: Other) {}', {
    before: OTHER_CONTRACT,
    options: "{ isolation: 'process' }",
  }),
};
const WARNING = '! video.watch_started has 2 different contracts: Other (apart), VideoWatchStarted (first)';

interface Document {
  readonly asyncapi: string;
  readonly operations: Record<string, object>;
  readonly components: { readonly schemas: Record<string, { readonly $comment?: string }> };
}

/** The plugins whose records are stored. */
async function stored(): Promise<string[]> {
  const { state } = await jsm.streams.info('KV_jetplug', { subjects_filter: '$KV.jetplug.contracts.>' });
  return Object.keys(state.subjects ?? {}).sort();
}

test('a server on which no host ran has nothing to describe', async () => {
  const { code, stderr } = await jetplug(['docs', '--servers', server.url]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/JP_NOT_FOUND[^]*Start a host once/)]);
});

test('the contracts of a host that is gone are described, also those of an isolated plugin', async () => {
  const host = await scene.host({ plugins: [scene.folder(SOURCES)], server });
  await eventually(async () => (await stored()).length === 2);
  expect(await stored()).toEqual(['$KV.jetplug.contracts.apart', '$KV.jetplug.contracts.first']);
  await host.stop();

  const { code, stdout, stderr } = await jetplug(['docs', '--servers', server.url]);
  expect([code, stderr.trim()]).toEqual([0, WARNING]);
  const document = parse(stdout) as Document;
  expect(document.asyncapi).toBe('3.1.0');
  expect(Object.keys(document.operations)).toEqual(['apart.handle', 'first.handle', 'first.publishes.video.published']);
  expect(document.operations['apart.handle']).toMatchObject({
    'x-jetstream': { stream: 'EVENTS', durable: 'apart-handle', isolation: 'process' },
  });
  expect(document.components.schemas['Other']!.$comment).toContain('#/properties/at: Date cannot be represented');
});

test('a record that is none is left out with a warning, without its control characters', async () => {
  const js = (await scene.client(server.url)).jetstream();
  await js.publish('$KV.jetplug.contracts.bad', JSON.stringify({ format: '\u001b[2J\u009b' }));
  const { code, stderr, json } = await jetplug(['docs', '--servers', server.url, '--jsonschema']);
  expect(code).toBe(0);
  const { definitions } = json<{ definitions: object }>();
  expect(Object.keys(definitions)).toEqual(['Other', 'VideoWatchStarted', 'VideoPublished']);
  expect(stderr).toContain(
    '! the record contracts.bad in the bucket jetplug is left out: its format is "\\u001b[2J\ufffd"',
  );
});

test('files are described without a server, into a file; a plugin that cannot be read is an error', async () => {
  const out = join(scene.folder(), 'asyncapi.json');
  const broken = scene.folder({ 'broken.plugin.ts': 'import "./missing";' });
  const result = await jetplug(['docs', '--plugins', `${STORY_PLUGINS},${broken}`, '--json', '--out', out]);
  expect([result.code, result.stdout]).toEqual([1, '']);
  expect(result.errors()).toMatchObject([{ code: 'JP_PLUGIN_IMPORT_NOT_FOUND' }]);
  const { operations } = JSON.parse(readFileSync(out, 'utf8')) as Document;
  expect(Object.keys(operations)).toHaveLength(14);
  // docs/events.md shows this operation. The version is a hash of the plugin's sources.
  const shown = blocksOf('docs/events.md').find(({ text }) => text.includes('"x-jetstream"'))!;
  const version = expect.stringMatching(/^[0-9a-f]{12}$/) as unknown;
  const expected = JSON.parse(shown.text) as { 'x-jetstream': object };
  expect(operations['badge.award']).toEqual({
    ...expected,
    'x-jetstream': { ...expected['x-jetstream'], version },
  });
});
