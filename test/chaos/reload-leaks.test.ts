import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const WARM_UP = 20;
/** A multiple of three, so that the version before and the last one both lack the key, whose handler has timers. */
const RELOADS = 102;
const MOST_KB_EACH = 100;

const scene = new Scene();
afterAll(() => scene.end());

/** Reports on its process after garbage collection. */
const PROBE = pluginSource(
  'Probe',
  `  @Subscribe('video.probe')
  async handle(event: any, context: EventContext) {
    for (let i = 0; i < 5; i++) { (globalThis as any).gc(); await new Promise((resolve) => setTimeout(resolve, 20)); }
    const resources: Record<string, number> = {};
    for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1;
    const listeners = process.eventNames().map((name) => process.listenerCount(name as string)).reduce((a, b) => a + b);
    context.log.info('probed', { n: event.n, heapKb: process.memoryUsage().heapUsed / 1024, resources, listeners });
  }`,
);

/** Imported by the handler. */
const LATE = `import { injectable } from 'tsyringe';
const ballast = Array.from({ length: 50_000 }, (_, i) => i + Math.random());
@injectable() export class Late { readonly ballast = ballast; }
`;

/** A version with all the resources that it may have. A hundred of its ballasts would take some 80 MB. */
function source(n: number): string {
  return pluginSource(
    'Busy',
    `  readonly ballast = Array.from({ length: 50_000 }, (_, i) => i + Math.random());
  constructor(readonly helper: Helper, @inject('Repo') readonly repo: any, readonly store: Store<number>, readonly events: EventBus, readonly log: Logger) {}
  @Subscribe('video.busy', { concurrency: ${(n % 4) + 1} })
  async handle(event: any, context: EventContext) { await import('./late'); await this.store.update('k', (count = 0) => count + 1); context.log.info('ran', { n: ${n} }); }
  @Subscribe('video.keyed', { ${n % 3 === 0 ? "key: 'user'" : ''} })
  async other(event: any) { await this.events.publish('video.out', {}); }`,
    {
      before: `import { container, inject, injectable, Lifecycle, scoped } from 'tsyringe';
@injectable() class Repo { readonly ballast = Array.from({ length: 50_000 }, (_, i) => i + Math.random()); constructor(readonly store: Store<number>) {} }
container.register('Repo', { useFactory: (own) => own.resolve(Repo) });
@scoped(Lifecycle.ContainerScoped) class Helper { readonly ballast = Array.from({ length: 50_000 }, (_, i) => i + Math.random()); constructor(readonly store: Store<number>) {} }`,
    },
  );
}

test('a hundred reloads leave no consumer, pull, timer, listener or connection behind, and hardly any memory', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const folder = scene.folder({ 'busy.plugin.ts': source(0), 'probe.plugin.ts': PROBE, 'late.ts': LATE });
  const host = await scene.host({ server, plugins: [folder], env: { NODE_OPTIONS: '--expose-gc' } });
  let swaps = 0;
  const reload = async (): Promise<void> => {
    swaps++;
    writeFileSync(join(folder, 'busy.plugin.ts'), source(swaps));
    await eventually(() => host.logged('a plugin has a new version').length === swaps);
    for (const subject of ['video.busy', 'video.keyed']) nats.publish(subject, '{"user":"u"}');
    // The new version is confirmed by an event that it handles, and the old one is released.
    await eventually(() => host.logged('ran').at(-1)?.['n'] === swaps);
  };
  const probe = async (
    n: number,
  ): Promise<{ heapKb: number; resources: Record<string, number>; listeners: number }> => {
    nats.publish('video.probe', JSON.stringify({ n }));
    return (await eventually(() => host.logged('probed').find((line) => line['n'] === n))) as never;
  };
  for (let i = 0; i < WARM_UP; i++) await reload();
  const before = await probe(1);
  for (let i = 0; i < RELOADS; i++) await reload();
  const after = await probe(2);

  const kbEach = (after.heapKb - before.heapKb) / RELOADS;
  console.log(
    `${RELOADS} reloads: ${kbEach.toFixed(1)} kB of heap each; resources ${JSON.stringify(before.resources)} → ${JSON.stringify(after.resources)}`,
  );
  expect(kbEach).toBeLessThan(MOST_KB_EACH);
  expect(after.listeners).toBe(before.listeners);
  const kinds = new Set([...Object.keys(before.resources), ...Object.keys(after.resources)]);
  // One timer more or less may be active at this moment.
  for (const kind of kinds) expect((after.resources[kind] ?? 0) - (before.resources[kind] ?? 0)).toBeLessThan(5);
  const jsm = await nats.jetstreamManager();
  const consumers = await jsm.consumers.list('EVENTS').next();
  expect(consumers.map(({ name }) => name).sort()).toEqual(['busy-handle', 'busy-other', 'probe-handle']);
  for (const { num_waiting } of consumers) expect(num_waiting).toBeLessThan(10); // One pull has several requests.
  expect(host.noise).toEqual([]);
}, 180_000);
