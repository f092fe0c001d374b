/** Middleware of the config and of `@Use` in a running host, for plugins in the host and in processes of their own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

/** A module of `plugins.use`: it logs its word around each call. */
const around = (word: string): string => `
import type { MiddlewareFunction } from 'jetplug/sdk';
const around: MiddlewareFunction = async (event, context, next) => {
  context.log.info('begins', { by: '${word}', events: [event].flat().length });
  await next();
  context.log.info('ends', { by: '${word}' });
};
export default around;
`;

const BEFORE = `
import { Use, type Envelope, type Next } from 'jetplug/sdk';
import { injectable } from 'tsyringe';

@injectable()
class Gate {
  constructor(private readonly log: Logger, private readonly passed: Store<number>) {}
  async handle(event: Envelope & { does?: string }, _context: EventContext, next: Next) {
    this.log.info('gate', { does: event.does });
    if (event.does === 'skip') return;
    if (event.does === 'reject') throw new Reject('not through this gate');
    await this.passed.update('passed', (n = 0) => n + 1);
    await next();
    if (event.does === 'twice') await next();
  }
}`;

function source(className: string, options = ''): string {
  return pluginSource(
    className,
    `  @Use(Gate)
  @Subscribe('video.${className.toLowerCase()}', { retry: { attempts: 1 } })
  handle(event: any, context: EventContext) { context.log.info('handles'); }

  @Subscribe('video.many.${className.toLowerCase()}', { batch: { size: 2, wait: '5s' } })
  many(events: any[]) {}`,
    { before: BEFORE, options },
  );
}

const scene = new Scene();
let nats: NatsConnection;
let host: TestHost;
let usedFile: string;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  const folder = scene.folder({
    'around.ts': around('v1'),
    'plugins/inline.plugin.ts': source('Inline'),
    'plugins/apart.plugin.ts': source('Apart', `{ isolation: 'process' }`),
  });
  usedFile = join(folder, 'around.ts');
  host = await scene.host({ server, plugins: [join(folder, 'plugins')], config: { plugins: { use: [usedFile] } } });
});
afterAll(() => scene.end());

const publish = (plugin: string, does?: string): void => nats.publish(`video.${plugin}`, JSON.stringify({ does }));
/** The lines of a plugin since the last call. */
let read = 0;
const linesOf = (plugin: string): LogLine[] => host.lines.slice(read).filter((line) => line['plugin'] === plugin);
const messagesOf = (plugin: string): string[] =>
  linesOf(plugin).map(({ msg, by }) => (by ? `${msg} ${by as string}` : msg));
beforeEach(() => (read = host.lines.length));

describe.each(['inline', 'apart'])('of the plugin %s', (plugin) => {
  test('the middleware of the config runs around that of the handler', async () => {
    publish(plugin);
    await eventually(() => messagesOf(plugin).includes('ends v1'));
    expect(messagesOf(plugin)).toEqual(['begins v1', 'gate', 'handles', 'ends v1']);
  });

  test('the middleware runs once around a batch', async () => {
    for (let n = 0; n < 2; n++) nats.publish(`video.many.${plugin}`, '{}');
    await eventually(() => messagesOf(plugin).includes('ends v1'));
    expect(linesOf(plugin).filter(({ msg }) => msg === 'begins')).toMatchObject([{ events: 2, handler: 'many' }]);
  });

  test('a middleware may skip the handler', async () => {
    publish(plugin, 'skip');
    await eventually(() => messagesOf(plugin).includes('ends v1'));
    expect(messagesOf(plugin)).toEqual(['begins v1', 'gate', 'ends v1']);
  });

  test('an error of a middleware, and a second call of next, count as thrown by the handler', async () => {
    publish(plugin, 'reject');
    publish(plugin, 'twice');
    const letters = await eventually(async () => {
      const found = (await storedLetters(nats)).filter(({ header }) => header.get('x-plugin') === plugin);
      return found.length === 2 && found;
    });
    const errors = letters.map(({ header }) => header.get('x-error-message')).sort();
    expect(errors).toEqual(['not through this gate', 'the middleware Gate called next() a second time']);
  });
});

const swapped = (): unknown[] =>
  host.lines.slice(read).flatMap(({ msg, plugin }) => (msg === 'a plugin has a new version' ? [plugin] : []));

test('an edit of the module replaces every plugin', async () => {
  writeFileSync(usedFile, around('v2'));
  await eventually(() => swapped().length === 2);
  for (const plugin of ['inline', 'apart']) {
    publish(plugin);
    await eventually(() => messagesOf(plugin).includes('ends v2'));
  }
});

test('a module that does not load is reported with its line, the versions before run on, and mending it helps', async () => {
  writeFileSync(usedFile, `\nthrow new RangeError('no limit');`);
  const lines = await eventually(() => {
    const failed = host.lines.slice(read).filter(({ code }) => code === 'JP_MIDDLEWARE_NOT_LOADED');
    return failed.length >= 2 && failed;
  });
  expect(lines[0]).toMatchObject({ level: 'error', file: usedFile, line: 2 });
  publish('inline');
  await eventually(() => messagesOf('inline').includes('ends v2'));
  writeFileSync(usedFile, around('v3'));
  await eventually(() => swapped().length === 2);
});

test('plugins whose middleware does not exist start when it is there', async () => {
  const folder = scene.folder({ 'plugins/late.plugin.ts': source('Late') });
  const late = await scene.host({
    plugins: [join(folder, 'plugins')],
    config: { plugins: { use: [join(folder, 'around.ts')] } },
  });
  expect(late.ready.plugins).toMatchObject([{ plugin: 'late', state: 'failed' }]);
  writeFileSync(join(folder, 'around.ts'), around('late'));
  await eventually(() => late.logged('a plugin is loaded').length === 1);
});
