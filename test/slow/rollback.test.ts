import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type { PluginStatus } from '../../host/ops/status';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

const scene = new Scene();
let folder: string;
let host: TestHost;
let nats: NatsConnection;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder();
  const config = {
    plugins: { defaults: { retry: { attempts: 2, backoff: ['50ms'] } } },
    // A low limit would open the circuit before the rollback, if failures counted for it.
    delivery: { rollback: { events: 4, within: '5s' }, circuit: { messages: 2, over: '0s' } },
  };
  host = await scene.host({ server, plugins: [folder], config });
});
afterAll(() => scene.end());

function source(className: string, text: string, body = '', options = ''): string {
  return pluginSource(
    className,
    `  constructor(private readonly log: Logger) {}
  onStop() { this.log.info('stopped', { text: ${JSON.stringify(text)} }); }
  @Subscribe('video.${className.toLowerCase()}', { from: 'beginning', ${options} })
  async handle(event: any, context: EventContext) {
    ${body}
    this.log.info('ran', { n: event.n, attempt: context.attempt, text: ${JSON.stringify(text)} });
  }`,
  );
}

const THROWS = `throw new Error('a bad edit');`;
const ROLLED_BACK = 'a plugin’s new version failed at everything; the one before is back';
const file = (name: string): string => join(folder, `${name}.plugin.ts`);
const save = (name: string, text: string): void => writeFileSync(file(name), text);
const publish = (name: string, from: number, to: number, more: object = {}): void => {
  for (let n = from; n <= to; n++) nats.publish(`video.${name}`, JSON.stringify({ n, ...more }));
};
const said = (plugin: string, msg: string): LogLine[] => host.logged(msg).filter((line) => line['plugin'] === plugin);
const status = async (plugin: string): Promise<PluginStatus> =>
  eventually(async () => (await ask(nats)).find((one) => one.plugin === plugin));
const times = (plugin: string, msg: string, count = 1): Promise<unknown> =>
  eventually(() => said(plugin, msg).length >= count);
const outcomes = async (plugin: string): Promise<string[]> =>
  (await status(plugin)).reloads.map(({ outcome }) => outcome);

test.each([
  ['throws for each event', 'thrower', THROWS, ''],
  ['rejects each event', 'rejecter', `throw new Reject('a bad edit');`, ''],
  ['takes too long for each event', 'sleeper', 'await new Promise(() => {});', `timeout: '300ms'`],
  ['throws for each event, in order of a key', 'keeper', THROWS, `key: 'user'`],
])(
  'an edit that %s is rolled back, and costs no event, no attempt and no dead letter',
  async (_what, name, body, options) => {
    const className = name[0]!.toUpperCase() + name.slice(1);
    save(name, source(className, 'v1', '', options));
    publish(name, 1, 3);
    await times(name, 'ran', 3);
    const { version } = await status(name);
    save(name, source(className, 'v2', body, options));
    await times(name, 'a plugin has a new version');
    publish(name, 4, 20, { user: 'u' });
    publish(name, 21, 30);
    await times(name, ROLLED_BACK);
    await times(name, 'ran', 30);
    expect(
      said(name, 'ran')
        .map(({ n }) => Number(n))
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(said(name, 'ran').map(({ attempt }) => attempt)).toEqual(Array.from({ length: 30 }, () => 1));
    const now = await status(name);
    expect(now).toMatchObject({ state: 'running', version, error: { code: 'JP_PLUGIN_ROLLED_BACK' } });
    expect(now.handlers[0]).toMatchObject({ deadLettered: 0, circuit: 'closed' });
    expect(await outcomes(name)).toEqual(['loaded', 'swapped', 'rolled-back']);
    await times(name, 'stopped');
    expect(said(name, 'stopped').map(({ text }) => text)).toEqual(['v2']);
  },
);

test('the rollback lasts until the file changes', async () => {
  const now = new Date();
  utimesSync(file('thrower'), now, now);
  await sleep(500); // Longer than the reload of a change takes.
  publish('thrower', 31, 31);
  await times('thrower', 'ran', 31);
  expect(said('thrower', 'ran').at(-1)).toMatchObject({ text: 'v1' });
  expect(await outcomes('thrower')).toEqual(['loaded', 'swapped', 'rolled-back']);
  save('thrower', source('Thrower', 'v3'));
  await times('thrower', 'a plugin has a new version', 2);
  publish('thrower', 32, 32);
  await times('thrower', 'ran', 32);
  expect(said('thrower', 'ran').at(-1)).toMatchObject({ text: 'v3' });
  expect((await status('thrower')).error).toBeUndefined();
});

test('a new version that handles one event is confirmed: its later failures cost attempts', async () => {
  save('mixed', source('Mixed', 'v1'));
  publish('mixed', 1, 1);
  await times('mixed', 'ran', 1);
  save('mixed', source('Mixed', 'v2', `if (event.n % 2 === 0) throw new Error('an even one');`));
  await times('mixed', 'a plugin has a new version');
  publish('mixed', 2, 13);
  await eventually(async () => (await status('mixed')).handlers[0]!.retried > 0);
  expect(said('mixed', ROLLED_BACK)).toEqual([]);
  await eventually(() => said('mixed', 'stopped').some(({ text }) => text === 'v1'));
});

test('a version is not rolled back after the rollback window', async () => {
  save('quiet', source('Quiet', 'v1'));
  await times('quiet', 'a plugin is loaded');
  save('quiet', source('Quiet', 'v2', THROWS));
  await times('quiet', 'a plugin has a new version');
  await eventually(() => said('quiet', 'stopped').length === 1);
  publish('quiet', 1, 1);
  await eventually(async () => (await status('quiet')).handlers[0]!.retried > 0);
  expect(said('quiet', ROLLED_BACK)).toEqual([]);
});

test('where the previous version failed as well, the edit stays', async () => {
  save('ill', source('Ill', 'v1', THROWS, `retry: { attempts: 2, backoff: ['1s'] }`));
  publish('ill', 1, 1);
  await eventually(async () => (await status('ill')).handlers[0]!.failed > 0);
  save('ill', source('Ill', 'v2', THROWS, `retry: { attempts: 2, backoff: ['1s'] }`));
  await times('ill', 'a plugin has a new version');
  publish('ill', 2, 10);
  await eventually(async () => (await status('ill')).handlers[0]!.circuit === 'open');
  expect(said('ill', ROLLED_BACK)).toEqual([]);
  expect(host.noise).toEqual([]);
});
