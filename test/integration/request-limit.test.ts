import { eventually } from '../support/eventually';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const EVENTS = 300;
const PLUGIN = {
  'seen.plugin.ts': pluginSource(
    'SeenPlugin',
    `  @Subscribe('video.*')
  on(event: any, context: EventContext) {
    context.log.info('ran', { n: event.n });
  }`,
  ),
};

const scene = new Scene();
afterAll(() => scene.end());

test('a server that limits the batch of a request delivers all events, and its durables are corrected only once', async () => {
  const server = await scene.server({
    jetstream: { store_dir: scene.folder({}), max_file_store: 1024 ** 4, limits: { max_request_batch: 20 } },
  });
  const nats = await scene.client(server.url);
  let looks = 0;
  const requests: string[] = [];
  nats.subscribe('$JS.API.CONSUMER.LIST.EVENTS', { callback: () => looks++ });
  nats.subscribe('$JS.API.CONSUMER.CREATE.EVENTS.seen-on.>', {
    callback: (_error, message) => requests.push(message.json<{ action: string }>().action),
  });
  const host = await scene.host({ server, plugins: [scene.folder(PLUGIN)] });
  const js = nats.jetstream();
  for (let n = 0; n < EVENTS; n++) await js.publish('video.watched', JSON.stringify({ n }));
  await eventually(() => new Set(host.logged('ran').map(({ n }) => n)).size === EVENTS, 20_000);
  await eventually(() => looks >= 2);
  await js.publish('video.watched', JSON.stringify({ n: EVENTS }));
  await eventually(() => host.logged('ran').some(({ n }) => n === EVENTS));
  expect(requests).toEqual(['create', 'update']);
  expect(host.logged('the settings of a durable consumer are corrected')).toEqual([]);
  expect(host.logged('limits of the server or the stream set settings of a durable consumer; they are kept')).toEqual([
    expect.objectContaining({ plugin: 'seen', handler: 'on', kept: ['max_batch: 20 → 0'] }),
  ]);
});
