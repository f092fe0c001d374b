import type { JetStreamManager, NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const COUNT = 60;
const EVENTS = 3;
const helper = `let calls = 0;\nexport function call(): number {\n  return ++calls;\n}\n`;
const names = Array.from({ length: COUNT }, (_, n) => `many-${n}`);

/** Plugins in one folder with one helper. Some of them cannot run. */
function files(): Record<string, string> {
  const sound = names.map((name, n): [string, string] => [`${name}.plugin.ts`, source(`Many${n}Plugin`)]);
  return {
    ...Object.fromEntries(sound),
    'helper.ts': helper,
    'half.ts': 'export const a = [;\n',
    'many-1x.plugin.ts': 'export class {',
    'many-2x.plugin.ts': `import { a } from './half';\nexport const b = a;\n`,
    // A shorter file would be compiled before the longer file with its name, which comes first.
    'twin-1.plugin.ts': `/* ${'long '.repeat(20_000)} */\n${source('TwinPlugin')}`,
    'twin-2.plugin.ts': source('TwinPlugin'),
  };
}
function source(className: string): string {
  const body = `  @Subscribe('video.many', { from: 'beginning' })
  handle(event: any, context: EventContext) { context.log.info('ran', { n: event.n, calls: call() }); }`;
  return pluginSource(className, body, { before: `import { call } from './helper';` });
}

const scene = new Scene();
let server: TestServer;
let folder: string;
let nats: NatsConnection;
let jsm: JetStreamManager;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  folder = scene.folder(files());
});
afterAll(() => scene.end());

/** The maximal number of requests for a handler. */
const most = 5;

/** The number of requests to the server's JetStream so far. */
const requests = async (): Promise<number> => (await jsm.getAccountInfo()).api.total;
const start = (): Promise<TestHost> => scene.host({ server, plugins: [folder] });

/** Starts a host and counts the requests of its start. */
async function startCounted(): Promise<{ host: TestHost; asked: number }> {
  const before = await requests();
  const host = await start();
  return { host, asked: (await requests()) - before };
}

test('many plugins start at the same time, each isolated from the others, and those that cannot run delay none', async () => {
  const { host, asked } = await startCounted();
  const states = new Map(host.ready.plugins.map(({ file, state, error }) => [file.split('/').pop(), { state, error }]));
  for (const name of names) expect(states.get(`${name}.plugin.ts`)).toEqual({ state: 'running' });
  expect(states.get('many-1x.plugin.ts')).toMatchObject({ state: 'failed', error: { code: 'JP_PLUGIN_SYNTAX' } });
  expect(states.get('many-2x.plugin.ts')).toMatchObject({ state: 'failed', error: { code: 'JP_PLUGIN_SYNTAX' } });
  // The first file of two plugins with one name has the name.
  expect(states.get('twin-1.plugin.ts')).toEqual({ state: 'running' });
  expect(states.get('twin-2.plugin.ts')).toMatchObject({ error: { code: 'JP_PLUGIN_DUPLICATE_NAME' } });
  for (let n = 0; n < EVENTS; n++) nats.publish('video.many', JSON.stringify({ n }));
  await eventually(() => host.logged('ran').length === EVENTS * (COUNT + 1));
  // A helper has its own state for each plugin.
  expect(host.logged('ran').filter(({ calls }) => calls === 1)).toHaveLength(COUNT + 1);
  // Each handler makes its durable, looks for failures and for its retry durable, and reads its position. The plugins
  // look for their commit logs together.
  expect(asked / (COUNT + 1)).toBeLessThan(most);
  expect(await host.stop()).toBe(0);
});

test('the next start finds the durables at their positions', async () => {
  nats.publish('video.many', JSON.stringify({ n: EVENTS }));
  const { host, asked } = await startCounted();
  await eventually(() => host.logged('ran').length >= COUNT + 1);
  expect(new Set(host.logged('ran').map(({ n }) => n))).toEqual(new Set([EVENTS]));
  expect(host.logged('ran')).toHaveLength(COUNT + 1);
  expect(asked / (COUNT + 1)).toBeLessThan(most);
  expect(await host.stop()).toBe(0);
});
