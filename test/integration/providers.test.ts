/** Providers of a plugins folder in a running host: shared by inline plugins, and each process has its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const POOL = `
import { Logger } from 'jetplug/sdk';
import { injectable } from 'tsyringe';
@injectable()
export class Pool {
  used = 0;
  constructor(private readonly log: Logger) {}
  async onStart() { this.log.info('pool starts', { pid: process.pid }); }
  async onStop() { this.log.info('pool stops', { pid: process.pid, used: this.used }); }
}
`;
const providers = (region: string): string => `
import { Pool } from './pool';
export default [Pool, { token: 'region', useValue: '${region}' }];
`;

function source(className: string, options = ''): string {
  return pluginSource(
    className,
    `  constructor(private readonly pool: Pool, @inject('region') private readonly region: string) {}
  @Subscribe('video.${className.toLowerCase()}')
  handle(event: any, context: EventContext) {
    context.log.info('handles', { used: ++this.pool.used, region: this.region, pid: process.pid });
  }`,
    { before: `import { Pool } from './pool';\nimport { inject } from 'tsyringe';`, options },
  );
}

const scene = new Scene();
let nats: NatsConnection;
let host: TestHost;
let folder: string;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder({
    'pool.ts': POOL,
    'providers.ts': providers('eu'),
    'first.plugin.ts': source('First'),
    'second.plugin.ts': source('Second'),
    'apart.plugin.ts': source('Apart', `{ isolation: 'process' }`),
  });
  host = await scene.host({ server, plugins: [folder] });
});
afterAll(() => scene.end());

async function handled(plugin: string): Promise<LogLine> {
  const before = host.logged('handles').length;
  nats.publish(`video.${plugin}`, '{}');
  return eventually(() =>
    host
      .logged('handles')
      .slice(before)
      .find((line) => line['plugin'] === plugin),
  );
}
const swaps = (): number => host.logged('a plugin has a new version').length;

test('the plugins in the host share one object, and a process has its own', async () => {
  expect(await handled('first')).toMatchObject({ used: 1, region: 'eu', pid: host.pid });
  expect(await handled('second')).toMatchObject({ used: 2, region: 'eu', pid: host.pid });
  const apart = await handled('apart');
  expect(apart).toMatchObject({ used: 1, region: 'eu' });
  expect(
    host
      .logged('pool starts')
      .map(({ pid }) => pid)
      .sort(),
  ).toEqual([host.pid, apart['pid']].sort());
});

test('an edit reloads all plugins of the folder with new providers', async () => {
  writeFileSync(join(folder, 'providers.ts'), providers('us'));
  await eventually(() => swaps() === 3);
  for (const plugin of ['first', 'second', 'apart']) expect(await handled(plugin)).toMatchObject({ region: 'us' });
  expect(host.logged('pool starts')).toHaveLength(4);
});

test('providers that do not start are reported with their line, and the plugins run on', async () => {
  writeFileSync(join(folder, 'pool.ts'), POOL.replace(`this.log.info('pool starts'`, `throw new Error('no route'`));
  const failed = await eventually(() => {
    const lines = host.lines.filter(({ code }) => code === 'JP_PROVIDERS_START_FAILED');
    return lines.length === 3 && lines;
  });
  expect(failed[0]).toMatchObject({ level: 'error', file: join(folder, 'pool.ts'), line: 8 });
  expect(await handled('first')).toMatchObject({ region: 'us' });
  expect(await handled('apart')).toMatchObject({ region: 'us' });
});

test('the providers stop after the plugins, when the host stops', async () => {
  expect(await host.stop()).toBe(0);
  const stops = host.logged('pool stops').map(({ pid }) => pid);
  expect(stops.filter((pid) => pid === host.pid)).toHaveLength(2);
  expect(stops).toHaveLength(4);
});
