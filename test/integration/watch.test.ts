import { cpSync, existsSync, mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type { PluginStatus } from '../../host/ops/status';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { lineOf, pluginSource } from '../support/plugin-source';
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
  host = await scene.host({ server, plugins: [folder], config: { shutdown: { grace: '5s' } } });
});
afterAll(() => scene.end());

/** A plugin whose handler logs its event and the text of its own version. */
function source(className: string, text: string, { before = '', body = '' } = {}): string {
  return pluginSource(
    className,
    `  @Subscribe('video.${className.toLowerCase()}', { from: 'beginning' })
  async handle(event: any, context: EventContext) {
    ${body}
    context.log.info('ran', { n: event.n, text: ${JSON.stringify(text)} });
  }`,
    { before },
  );
}

const file = (name: string): string => join(folder, name);
const write = (name: string, text: string): void => writeFileSync(file(name), text);
const publish = (className: string, n: number): void =>
  nats.publish(`video.${className.toLowerCase()}`, JSON.stringify({ n }));
const ran = (plugin: string): { n: unknown; text: unknown }[] =>
  host.logged('ran').filter((line) => line['plugin'] === plugin) as never;
const status = async (plugin: string): Promise<PluginStatus | undefined> =>
  (await ask(nats)).find((one) => one.plugin === plugin);
const stateOf = async (plugin: string): Promise<string | undefined> => (await status(plugin))?.state;

test('a new file consumes within about a second', async () => {
  publish('Dropped', 1);
  const droppedAtMs = performance.now();
  write('dropped.plugin.ts', source('Dropped', 'v1'));
  await eventually(() => ran('dropped').length === 1);
  // One second on an idle machine.
  expect(performance.now() - droppedAtMs).toBeLessThan(4_000);
  expect(await stateOf('dropped')).toBe('running');
});

test('an edit changes versions, and every event is handled once, by one of them', async () => {
  write(
    'edited.plugin.ts',
    source('Edited', 'v1', { body: 'await new Promise((resolve) => setTimeout(resolve, 5));' }),
  );
  await eventually(async () => (await stateOf('edited')) === 'running');
  const { version } = (await status('edited'))!;
  let n = 0;
  const publishing = setInterval(() => publish('Edited', n++), 2);
  try {
    await eventually(() => ran('edited').length > 20);
    write('edited.plugin.ts', source('Edited', 'v2'));
    await eventually(() => ran('edited').some(({ text }) => text === 'v2'));
  } finally {
    clearInterval(publishing);
  }
  await eventually(() => ran('edited').length >= n);
  expect(
    ran('edited')
      .map((line) => line.n as number)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: n }, (_, i) => i));
  expect((await status('edited'))!.version).not.toBe(version);
});

test('the last of many quick edits runs', async () => {
  for (let i = 0; i <= 15; i++) {
    write('quick.plugin.ts', source('Quick', `v${i}`));
    await sleep(30);
  }
  await eventually(async () => (await stateOf('quick')) === 'running');
  await eventually(() => {
    publish('Quick', 1);
    return ran('quick').at(-1)?.text === 'v15';
  });
});

test('a removed file is drained; its durable stays', async () => {
  unlinkSync(file('dropped.plugin.ts'));
  await eventually(async () => (await status('dropped')) === undefined);
  publish('Dropped', 2);
  const jsm = await nats.jetstreamManager();
  await eventually(async () => (await jsm.consumers.info('EVENTS', 'dropped-handle')).num_pending === 1);
  expect(ran('dropped')).toHaveLength(1);
  write('dropped.plugin.ts', source('Dropped', 'v2'));
  await eventually(() => ran('dropped').length === 2);
});

test('a file that is written in two steps runs when it is complete', async () => {
  const whole = source('Halves', 'v1');
  const half = whole.indexOf('async handle') + 10;
  writeFileSync(file('halves.plugin.ts'), whole.slice(0, half));
  await sleep(250);
  writeFileSync(file('halves.plugin.ts'), whole.slice(half), { flag: 'a' });
  publish('Halves', 1);
  await eventually(() => ran('halves').length === 1);
});

test('an editor that writes another file and renames it is followed', async () => {
  write('renamed.plugin.ts', source('Renamed', 'v1'));
  await eventually(async () => (await stateOf('renamed')) === 'running');
  const { version } = (await status('renamed'))!;
  write('renamed.plugin.ts.tmp', source('Renamed', 'v2'));
  renameSync(file('renamed.plugin.ts.tmp'), file('renamed.plugin.ts'));
  await eventually(async () => (await status('renamed'))?.version !== version);
  publish('Renamed', 1);
  await eventually(() => ran('renamed').length === 1);
  expect(ran('renamed')[0]).toMatchObject({ text: 'v2' });
});

test('a version that fails leaves the old one running, and its place is reported', async () => {
  const broken = source('Fragile', 'v2')
    .replace('await', 'await')
    .replace('context.log.info(', 'context.log.info(( // HERE\n');
  write('fragile.plugin.ts', source('Fragile', 'v1'));
  await eventually(async () => (await stateOf('fragile')) === 'running');
  write('fragile.plugin.ts', broken);
  const line = await eventually(() => host.logged('a plugin’s new version fails; the old one runs on').at(-1));
  expect(line).toMatchObject({ plugin: 'fragile', file: file('fragile.plugin.ts'), code: 'JP_PLUGIN_SYNTAX' });
  expect(Math.abs(Number(line['line']) - lineOf(broken, 'HERE'))).toBeLessThanOrEqual(1);
  expect(await status('fragile')).toMatchObject({ state: 'running', error: { code: 'JP_PLUGIN_SYNTAX' } });
  publish('Fragile', 1);
  await eventually(() => ran('fragile').length === 1);
  expect(ran('fragile')[0]).toMatchObject({ text: 'v1' });
  write('fragile.plugin.ts', source('Fragile', 'v3'));
  await eventually(async () => (await status('fragile'))?.error === undefined);
  publish('Fragile', 2);
  await eventually(() => ran('fragile').length === 2);
  expect(ran('fragile')[1]).toMatchObject({ text: 'v3' });
});

test('an edit of a helper reaches the plugins that import it', async () => {
  const before = `import { word } from './word';`;
  const body = `context.log.info('word', { word });`;
  const words = (): unknown[] => host.logged('word').map(({ word }) => word);
  write('word.ts', `export const word = 'one';`);
  write('helped.plugin.ts', source('Helped', 'v1', { before, body }));
  publish('Helped', 1);
  await eventually(() => words().includes('one'));
  write('word.ts', `export const word = 'two';`);
  await eventually(() => {
    publish('Helped', 2);
    return words().includes('two');
  });
});

test('a plugin that failed because of a missing or faulty helper runs when the helper is right', async () => {
  write('late.plugin.ts', source('Late', 'v1', { before: `import './late-helper';` }));
  await eventually(async () => (await status('late'))?.error?.code === 'JP_PLUGIN_IMPORT_NOT_FOUND');
  write('late-helper.ts', 'export const = 1;');
  await eventually(async () => (await status('late'))?.error?.code === 'JP_PLUGIN_SYNTAX');
  write('late-helper.ts', 'export const right = 1;');
  await eventually(async () => (await stateOf('late')) === 'running');
});

test('a plugin file that is renamed continues', async () => {
  write('before.plugin.ts', source('Moved', 'v1'));
  await eventually(async () => (await stateOf('moved')) === 'running');
  renameSync(file('before.plugin.ts'), file('after.plugin.ts'));
  await eventually(async () => {
    const found = await status('moved');
    return found?.state === 'running' && found.file === file('after.plugin.ts');
  });
  publish('Moved', 1);
  await eventually(() => ran('moved').length === 1);
});

test('when the first of two plugins with one name is removed, the second runs', async () => {
  write('first.plugin.ts', source('Twin', 'first'));
  await eventually(async () => (await stateOf('twin')) === 'running');
  write('second.plugin.ts', source('Twin', 'second'));
  await eventually(
    async () =>
      (await ask(nats))
        .filter(({ plugin }) => plugin === 'twin')
        .map(({ state }) => state)
        .sort()
        .join() === 'failed,running',
  );
  unlinkSync(file('first.plugin.ts'));
  await eventually(
    async () =>
      (await ask(nats))
        .filter(({ plugin }) => plugin === 'twin')
        .map(({ state }) => state)
        .join() === 'running',
  );
  publish('Twin', 1);
  await eventually(() => ran('twin').length === 1);
  expect(ran('twin')[0]).toMatchObject({ text: 'second' });
});

test('a file that is removed and comes back while its handler still runs continues as before', async () => {
  const released = join(scene.folder(), 'released');
  const before = `import { existsSync } from 'node:fs';`;
  const body = `while (!existsSync(${JSON.stringify(released)})) await new Promise((resolve) => setTimeout(resolve, 10));`;
  const log = `context.log.info('waiting', {});`;
  write('back.plugin.ts', source('Back', 'v1', { before, body: log + body }));
  publish('Back', 1);
  await eventually(() => host.logged('waiting').length === 1);
  unlinkSync(file('back.plugin.ts'));
  await sleep(300); // Long enough for the removal to be noticed by itself.
  write('back.plugin.ts', source('Back', 'v2'));
  await sleep(300);
  writeFileSync(released, '');
  await eventually(() => ran('back').length === 1);
  await eventually(async () => (await stateOf('back')) === 'running');
  publish('Back', 2);
  await eventually(() => ran('back').length === 2);
  expect(ran('back')[1]).toMatchObject({ text: 'v2' });
  unlinkSync(file('back.plugin.ts'));
  await eventually(async () => (await status('back')) === undefined);
});

test('a folder with a plugin is added and removed as a whole', async () => {
  const elsewhere = scene.folder({
    'index.plugin.ts': source('Whole', 'v1', { before: `import './parts/part';` }),
    'parts/part.ts': 'export {};',
  });
  mkdirSync(file('whole'));
  cpSync(elsewhere, file('whole'), { recursive: true });
  publish('Whole', 1);
  await eventually(() => ran('whole').length === 1);
  rmSync(file('whole'), { recursive: true });
  await eventually(async () => (await status('whole')) === undefined);
  expect(existsSync(file('whole'))).toBe(false);
});

test('files that are not plugins are skipped with the reason', async () => {
  const skipped = {
    'a.plugin.test.ts': 'a test',
    'b.plugin.d.ts': 'a declaration file',
    'c.plugin.mjs': 'ES module',
    'd.plugin.ts.tmp': 'temporary',
    'e.plugin.ts': 'empty',
  };
  for (const name of Object.keys(skipped)) write(name, name === 'e.plugin.ts' ? '' : 'throw 1;');
  await eventually(() => {
    const reasons = host.logged('skipped a file in the plugins folder');
    for (const [name, why] of Object.entries(skipped)) {
      expect(reasons).toContainEqual(expect.objectContaining({ file: file(name), why: expect.stringContaining(why) }));
    }
    return true;
  });
  expect(host.noise).toEqual([]);
});
