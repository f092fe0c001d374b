import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

/** A class that uses all services, and logs whether they belong to the plugin. */
const REPO = `
@injectable()
class Repo {
  constructor(readonly store: Store<number>, readonly bus: EventBus, readonly log: Logger, readonly clock: Clock, readonly settings: Settings<{ word: string }>) {}
  async use(): Promise<void> {
    const count = await this.store.update('k', (n = 0) => n + 1);
    await this.bus.publish('video.out', { count });
    this.log.info('used', { count, clock: this.clock.now() instanceof Date, word: this.settings.value.word });
  }
}`;
const TSYRINGE = `import { container, delay, inject, injectable, injectAll, instanceCachingFactory, instancePerContainerCachingFactory, predicateAwareClassFactory, registry, scoped, singleton, Lifecycle } from 'tsyringe';`;
const BY_TOKEN = `constructor(@inject('Repo') private readonly repo: any) {}`;

/** A plugin whose handler uses a class that the container builds. */
function using(name: string, constructor: string, before: string, options = '', uses = 'this.repo.use()'): string {
  return pluginSource(name, `  ${constructor}\n  @Subscribe('video.a') async handle() { await ${uses}; }`, {
    before: `${TSYRINGE}\n${REPO}\n${before}`,
    options,
  });
}

const PLUGINS = {
  token: using('token', BY_TOKEN, `container.register('Repo', { useClass: Repo });`),
  'use-token': using(
    'useToken',
    BY_TOKEN,
    `container.register('Repo', { useToken: 'Inner' }); container.register('Inner', { useClass: Repo });`,
  ),
  list: using(
    'list',
    `constructor(@injectAll('Repos') private readonly repos: any[]) {}`,
    `container.register('Repos', { useClass: Repo });`,
    '',
    'this.repos[0].use()',
  ),
  delayed: using('delayed', `constructor(@inject(delay(() => Repo)) private readonly repo: any) {}`, ''),
  factory: using('factory', BY_TOKEN, `container.register('Repo', { useFactory: (c) => c.resolve(Repo) });`),
  'caching-factory': using(
    'cachingFactory',
    BY_TOKEN,
    `container.register('Repo', { useFactory: instanceCachingFactory((c) => c.resolve(Repo)) });`,
  ),
  'per-container': using(
    'perContainer',
    BY_TOKEN,
    `container.register('Repo', { useFactory: instancePerContainerCachingFactory((c) => c.resolve(Repo)) });`,
  ),
  predicate: using(
    'predicate',
    BY_TOKEN,
    `container.register('Repo', { useFactory: predicateAwareClassFactory(() => true, Repo, Repo) });`,
  ),
  // The plugin’s container resolves the class during a run, so nothing shows earlier that the plugin uses its store.
  resolved: using('resolved', '', '', '', 'container.resolve(Repo).use()'),
  // All of them again in an isolated process.
  isolated: using(
    'isolated',
    BY_TOKEN,
    `container.register('Repo', { useFactory: (c) => c.resolve(Repo) });`,
    `{ isolation: 'process' }`,
  ),
};

const scene = new Scene();
let host: TestHost;
beforeAll(async () => {
  const server = await scene.server();
  const folder = scene.folder(
    Object.fromEntries(Object.entries(PLUGINS).map(([name, source]) => [`${name}.plugin.ts`, source])),
  );
  const settings = Object.fromEntries(Object.keys(PLUGINS).map((name) => [name, { settings: { word: name } }]));
  host = await scene.host({ server, plugins: [folder], config: { plugins: settings } });
  const nats = await scene.client(server.url);
  nats.publish('video.a', '{}');
}, 60_000);
afterAll(() => scene.end());

test.each(Object.keys(PLUGINS))('a class that is injected by %s has the services of its own plugin', async (name) => {
  const [used] = await eventually(() => {
    const lines = host.logged('used').filter(({ plugin }) => plugin === name);
    return lines.length > 0 && lines;
  });
  expect(used).toMatchObject({ plugin: name, count: 1, clock: true, word: name });
});
