/** Users with tokens, as the printed commands of nsc make them. */
import { readFileSync } from 'node:fs';
import { connect, credsAuthenticator, type NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { refusalsOf } from '../support/granted-server';
import { STORY_PLUGINS, type TestHost } from '../support/host';
import { afterNsc, type Nsc } from '../support/nsc';
import { Scene } from '../support/scene';
import { each, handled } from '../support/story';

const scene = new Scene();
let nsc: Nsc;
let host: TestHost;
let refusals: () => string[];

beforeAll(async () => {
  const printed = await jetplug(['permissions', '--format', 'nsc', '--plugins', STORY_PLUGINS]);
  expect(printed).toMatchObject({ code: 0, stderr: '' });
  nsc = await afterNsc(scene, printed.stdout);
  const server = await scene.server(nsc.serverConfig);
  refusals = refusalsOf(server);
  const config = { nats: { credentials: { credsFile: nsc.credsFiles['jetplug-host'] } } };
  host = await scene.host({ server, plugins: [STORY_PLUGINS], config });
});
afterAll(() => scene.end());

async function connected<T>(name: string, work: (nats: NatsConnection) => Promise<T>): Promise<T> {
  const authenticator = credsAuthenticator(readFileSync(nsc.credsFiles[name]!));
  const nats = await connect({ servers: host.servers, authenticator });
  try {
    return await work(nats);
  } finally {
    await nats.close();
  }
}

test('an event of the publisher is handled by all plugins, and the operator sees its effects', async () => {
  await connected('jetplug-publisher', (nats) =>
    nats.jetstream().publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}'),
  );
  const env = { JETPLUG_NATS_CREDS_FILE: nsc.credsFiles['jetplug-operator'] };
  await eventually(async () => expect(await handled(host)).toMatchObject(each(1)) === undefined);
  const store = await jetplug(['store', 'badge', '--json', '--servers', host.servers], { env });
  expect(store).toMatchObject({ code: 0, stderr: '' });
  expect(store.json()).toEqual([{ key: 'u1', value: 1 }]);
  expect(refusals()).toEqual([]);
});

test.each([
  ['jetplug-host', '$JS.API.STREAM.DELETE.EVENTS'],
  ['jetplug-publisher', '$JS.API.STREAM.MSG.GET.EVENTS'],
  ['jetplug-operator', '$JS.API.STREAM.UPDATE.EVENTS'],
  ['jetplug-deployer', '$JS.API.STREAM.DELETE.FOREIGN'],
])('the server refuses anything else to %s', async (user, subject) => {
  const asked = connected(user, (nats) => nats.request(subject, '', { timeout: 2_000 }));
  await expect(asked).rejects.toMatchObject({ code: 'PERMISSIONS_VIOLATION' });
});
