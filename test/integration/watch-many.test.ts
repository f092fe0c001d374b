import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

const NAMES = ['one', 'two', 'three', 'four'] as const;
const scene = new Scene();
let folder: string;
let host: TestHost;
let nats: NatsConnection;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder();
  fill('main');
  git('init', '-q', '-b', 'main');
  commit('main');
  host = await scene.host({ server, plugins: [folder] });
});
afterAll(() => scene.end());

function git(...args: string[]): void {
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: folder, stdio: 'ignore' });
}
function commit(message: string): void {
  git('add', '-A');
  git('commit', '-q', '-m', message);
}

/** Four plugins with two helpers. */
function fill(text: string): void {
  for (const helper of ['word', 'phrase'])
    writeFileSync(join(folder, `${helper}.ts`), `export const ${helper} = '${text}';`);
  for (const name of NAMES) writeFileSync(join(folder, `${name}.plugin.ts`), source(name, text));
}
function source(name: string, text: string): string {
  return pluginSource(
    name[0]!.toUpperCase() + name.slice(1),
    `  @Subscribe('video.many', { from: 'beginning' })
  handle(event: any, context: EventContext) { context.log.info('ran', { n: event.n, texts: ['${text}', word, phrase] }); }`,
    { before: `import { word } from './word';\nimport { phrase } from './phrase';` },
  );
}
const loads = (): string[] =>
  ['a plugin has a new version', 'a plugin is loaded']
    .flatMap((msg) => host.logged(msg).map((line) => String(line['plugin'])))
    .sort();
const texts = (n: number): unknown[] =>
  host
    .logged('ran')
    .filter((line) => line['n'] === n)
    .map((line) => line['texts']);
const publish = (n: number): void => nats.publish('video.many', JSON.stringify({ n }));

test('a checkout that changes plugins and their helpers reloads each plugin once', async () => {
  git('checkout', '-q', '-b', 'next');
  fill('next');
  await eventually(() => loads().length === 4);
  expect(loads()).toEqual([...NAMES].sort());
  commit('next');
  git('checkout', '-q', 'main');
  await eventually(() => loads().length === 8);
  git('checkout', '-q', 'next');
  await eventually(() => loads().length === 12);
  publish(1);
  await eventually(() => texts(1).length === 4);
  expect(texts(1)).toEqual(NAMES.map(() => ['next', 'next', 'next']));
  expect(loads()).toHaveLength(12);
});

test('a helper of several plugins reloads each of them once', async () => {
  writeFileSync(join(folder, 'word.ts'), `export const word = 'edited';`);
  await eventually(() => loads().length === 16);
  publish(2);
  await eventually(() => texts(2).length === 4);
  expect(texts(2)).toEqual(NAMES.map(() => ['next', 'edited', 'next']));
  expect(loads()).toHaveLength(16);
});

test('a plugins folder that is removed and comes back is watched again', async () => {
  const aside = `${folder}-aside`;
  renameSync(folder, aside);
  await eventually(async () => (await ask(nats)).length === 0);
  publish(3);
  renameSync(aside, folder);
  await eventually(() => texts(3).length === 4);
  rmSync(folder, { recursive: true });
  await eventually(async () => (await ask(nats)).length === 0);
  mkdirSync(folder);
  fill('anew');
  publish(4);
  await eventually(() => texts(4).length === 4);
  writeFileSync(join(folder, 'two.plugin.ts'), source('two', 'edited'));
  await eventually(() => {
    publish(5);
    return texts(5).some((seen) => (seen as string[])[0] === 'edited');
  });
  expect(host.noise).toEqual([]);
});
