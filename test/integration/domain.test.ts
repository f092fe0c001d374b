import type { NatsConnection } from 'nats';
import { connectEventBus } from '../../host/client';
import { Connection } from '../../host/nats/connection';
import { jetplug } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { freePort } from '../support/free-port';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

/*
 * A hub with JetStream in the domain "hub", and a leaf node without JetStream. The host and the programs connect to the
 * leaf node. Their user may subscribe only to its own inboxes.
 */
const TALLY = pluginSource(
  'TallyPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.tick', { from: 'beginning' })
  async count(event: any) {
    if (event.bad) throw new Reject('bad');
    const n = await this.counts.update('total', (n = 0) => n + 1);
    await this.events.publish('video.tock', { n });
  }
  @Subscribe('video.tock')
  tock(event: any, context: EventContext) { context.log.info('tock', { n: event.n }); }`,
);
const NATS = { domain: 'hub', inboxPrefix: '_INBOX_jet' };
const USER = { user: 'u', password: 'p' };

const scene = new Scene();
let hub: NatsConnection;
let leaf: TestServer;
let host: TestHost;
let plugins: string;
const cli = (...args: string[]) => jetplug([...args, '--json', '--config', host.configFile, '--servers', leaf.url]);

beforeAll(async () => {
  const leafPort = await freePort();
  const server = await scene.server({
    server_name: 'hub',
    jetstream: { domain: 'hub', store_dir: scene.folder(), max_file_store: 1024 ** 4 },
    leafnodes: { listen: `127.0.0.1:${leafPort}` },
  });
  const permissions = { publish: '>', subscribe: { allow: ['_INBOX_jet.>', 'jetplug.>', '$SRV.>'] } };
  leaf = await scene.server({
    server_name: 'leaf',
    jetstream: false,
    leafnodes: { remotes: [{ url: `nats-leaf://127.0.0.1:${leafPort}` }] },
    authorization: { users: [{ ...USER, permissions }] },
  });
  hub = await scene.client(server.url);
  // The leaf opens its port before it has connected to the hub.
  await eventually(async () => {
    const connection = await Connection.open({
      servers: [leaf.url],
      name: 'test',
      nats: { credentials: USER, ...NATS },
    });
    await connection.close();
    return true;
  });
  plugins = scene.folder({ 'tally.plugin.ts': TALLY });
  host = await scene.host({ server: leaf, plugins: [plugins], config: { nats: { credentials: USER, ...NATS } } });
});
afterAll(() => scene.end());

test('events are handled, stored, published and dead-lettered in the domain', async () => {
  const events = await connectEventBus({ servers: leaf.url, ...USER, ...NATS });
  try {
    for (let n = 0; n < 20; n++) await events.publish('video.tick', { n });
    await events.publish('video.tick', { bad: true });
  } finally {
    await events.close();
  }
  await eventually(() => host.logged('tock').length === 20);
  const bucket = await hub.jetstream({ domain: 'hub' }).views.kv('jetplug-tally', { bindOnly: true });
  // The bucket follows behind the commits.
  await eventually(async () => (await bucket.get('total'))?.json() === 20);
  const [letter, ...others] = await eventually(async () => {
    const letters = await storedLetters(hub);
    return letters.length > 0 && letters;
  });
  expect(letter?.header.get('x-dead-letter-reason')).toBe('rejected');
  expect(others).toEqual([]);
  expect((await fetch(`${host.url}/readyz`)).status).toBe(200);
});

test('commands work in the domain too', async () => {
  expect((await cli('publish', 'video.tick', '{"n":1}', '--plugins', plugins)).code).toBe(0);
  await eventually(() => host.logged('tock').length === 21);
  expect((await cli('store', 'tally')).json()).toEqual([{ key: 'total', value: 21 }]);
  expect((await cli('dead', 'list')).json()).toEqual([
    expect.objectContaining({ plugin: 'tally', reason: 'rejected' }),
  ]);
  expect((await cli('plugins')).json()).toEqual([expect.objectContaining({ plugin: 'tally', state: 'running' })]);
});

test('without the config keys the errors name them', async () => {
  const open = (nats: object) =>
    Connection.open({ servers: [leaf.url], name: 'test', nats: { credentials: USER, ...nats } });
  await expect(open({ inboxPrefix: '_INBOX_jet' })).rejects.toMatchObject({
    code: 'JP_BROKER_NO_JETSTREAM',
    hint: expect.stringContaining('nats.domain'),
  });
  await expect(open({ inboxPrefix: '_INBOX_jet', domain: 'nowhere' })).rejects.toMatchObject({
    code: 'JP_BROKER_NO_JETSTREAM',
    message: expect.stringContaining('no JetStream answers in the domain nowhere'),
    hint: 'Correct nats.domain.',
  });
  await expect(open({ inboxPrefix: '_INBOX_jet', apiPrefix: 'JS.nowhere' })).rejects.toMatchObject({
    code: 'JP_BROKER_NO_JETSTREAM',
    message: expect.stringContaining('no JetStream answers under the prefix JS.nowhere'),
    hint: 'Correct nats.apiPrefix.',
  });
  await expect(open({ domain: 'hub' })).rejects.toMatchObject({
    code: 'JP_BROKER_PERMISSION',
    hint: expect.stringContaining('nats.inboxPrefix'),
  });
});

test('the prefix of the API can be configured instead of the domain', async () => {
  const nats = { credentials: USER, inboxPrefix: '_INBOX_jet', apiPrefix: '$JS.hub.API' };
  const connection = await Connection.open({ servers: [leaf.url], name: 'test', nats });
  try {
    expect((await connection.jsm.streams.info('EVENTS')).config.name).toBe('EVENTS');
  } finally {
    await connection.close();
  }
});
