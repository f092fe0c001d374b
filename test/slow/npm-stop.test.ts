import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { probe } from '../../host/nats-server/probe';
import { eventually } from '../support/eventually';
import { isAlive } from '../support/is-alive';
import { startUnderNpm, type NpmHost } from '../support/npm-host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

/** Its handler runs until the file that the event names exists. */
const WAITS = pluginSource(
  'WaitsPlugin',
  `  @Subscribe('video.waits')
  async handle(event: any, context: EventContext) {
    context.log.info('begun');
    while (!existsSync(event.until)) await new Promise<void>((resolve) => setTimeout(resolve, 10));
    context.log.info('done');
  }`,
  { before: `import { existsSync } from 'node:fs';` },
);

const scene = new Scene();
const hosts = new Map<string, NpmHost>();

const CASES: readonly (readonly [title: string, command: readonly string[]])[] = [
  ['SIGTERM to npx jetplug start', ['npx', 'jetplug', 'start']],
  ['SIGTERM to npm start', ['npm', 'start', '--']],
  ['SIGTERM to npm run jetplug -- start', ['npm', 'run', 'jetplug', '--', 'start']],
  ['SIGKILL to npx jetplug start', ['npx', 'jetplug', 'start']],
  ['Ctrl-C in the terminal of npm start', ['npm', 'start', '--']],
  ['a closed terminal of npx jetplug start', ['npx', 'jetplug', 'start']],
];

// All at the same time, because each of them mostly waits for npm.
beforeAll(async () => {
  const plugins = scene.folder({ 'waits.plugin.ts': WAITS });
  await Promise.all(
    CASES.map(async ([title, command]) => hosts.set(title, await startUnderNpm(scene.folder(), command, plugins))),
  );
}, 120_000);
afterAll(() => scene.end());

test.each(CASES.slice(0, 3))('%s stops the host gracefully', async (title) => {
  const host = hosts.get(title)!;
  const until = await beginRun(host);
  process.kill(host.npm, 'SIGTERM');
  await eventually(() => said(host, 'stopping'));
  expect(said(host, 'done')).toBe(false);
  writeFileSync(until, '');
  await eventually(() => hasEnded(host));
  expect(ending(host)).toEqual(['stopping', 'done', 'stopped']);
  const { code, signal } = await host.ended;
  // Where npm's shell replaces itself by the host, npm exits with the host's exit code.
  expect([
    { code: 0, signal: null },
    { code: null, signal: 'SIGTERM' },
  ]).toContainEqual({ code, signal });
});

test('a killed npx stops its host gracefully', async () => {
  const host = hosts.get('SIGKILL to npx jetplug start')!;
  process.kill(host.npm, 'SIGKILL');
  await eventually(() => hasEnded(host));
  expect(ending(host)).toEqual(['stopping', 'stopped']);
});

test.each([
  ['Ctrl-C in the terminal of npm start', 'SIGINT'],
  ['a closed terminal of npx jetplug start', 'SIGHUP'],
] as const)('%s, which signals every process, counts as one signal', async (title, signal) => {
  const host = hosts.get(title)!;
  const until = await beginRun(host);
  process.kill(-host.npm, signal);
  await eventually(() => said(host, 'stopping'));
  writeFileSync(until, '');
  await eventually(() => hasEnded(host));
  expect(ending(host)).toEqual(['stopping', 'done', 'stopped']);
  expect(host.lines().find(({ msg }) => msg === 'stopping')).toMatchObject({ signal });
});

/** Publishes an event whose handler runs until the returned file exists. */
async function beginRun(host: NpmHost): Promise<string> {
  const until = join(scene.folder(), 'until');
  const client = await scene.client(host.ready.broker.url);
  client.publish('video.waits', JSON.stringify({ until }));
  await eventually(() => said(host, 'begun'));
  await client.close();
  return until;
}

function said(host: NpmHost, msg: string): boolean {
  return host.lines().some((line) => line.msg === msg);
}

function ending(host: NpmHost): string[] {
  const messages = ['stopping', 'stopping at once', 'done', 'stopped'];
  return host
    .lines()
    .map(({ msg }) => msg)
    .filter((msg) => messages.includes(msg));
}

/** No process of the process group is left, nor of the broker, which has its own group. */
async function hasEnded({ npm, ready }: NpmHost): Promise<boolean> {
  return !isAlive(-npm) && !isAlive(ready.pid) && !(await answers(ready.broker.url));
}

async function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return (await probe(hostname, Number(port))).kind !== 'nothing';
}
