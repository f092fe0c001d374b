/** Users with tokens, which a real nsc creates by the printed commands. Go builds nsc if it is not on the PATH. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, credsAuthenticator, type NatsConnection } from 'nats';
import { parse } from 'yaml';
import { jetplug, type CliResult } from '../support/cli';
import { eventually } from '../support/eventually';
import { refusalsOf } from '../support/granted-server';
import { STORY_CONFIG, STORY_PLUGINS, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { Nsc } from '../support/nsc';
import { Scene } from '../support/scene';
import { each, handled } from '../support/story';

/** Long enough to build nsc. */
const SETUP_MS = 300_000;
const { streams } = parse(STORY_CONFIG['config/default.yaml']) as { streams: readonly object[] };
const CONFIG = { streams, nats: { inboxPrefix: '_INBOX.jetplug' } };
/** nsc reads a list of subjects as a line of CSV. */
const SHOP = { name: 'SHOP', subjects: ['shop.sold', 'shop."a,b"', "shop.it's"] };

const scene = new Scene();
let nsc: Nsc;
let server: TestServer;
let host: TestHost;
let folder: string;
let refusals: () => string[];

beforeAll(async () => {
  folder = scene.folder({ 'config.json': JSON.stringify(CONFIG) });
  nsc = await Nsc.start(scene);
  await nsc.run(await printed());
  server = await scene.server(nsc.serverConfig);
  await nsc.push(server);
  refusals = refusalsOf(server);
}, SETUP_MS);
afterAll(() => scene.end());

/** The commands of nsc for the config. */
async function printed(): Promise<string> {
  const args = ['permissions', '--format', 'nsc', '--config', 'config.json', '--plugins', STORY_PLUGINS];
  const { code, stdout, stderr } = await jetplug(args, { cwd: folder });
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** Runs a command as a user. */
async function command(user: string, ...words: string[]): Promise<CliResult> {
  const args = [...words, '--json', '--servers', server.url, '--config', 'config.json'];
  return jetplug(args, { cwd: folder, env: { JETPLUG_NATS_CREDS_FILE: nsc.credsFile(user) } });
}

async function connected<T>(user: string, work: (nats: NatsConnection) => Promise<T>): Promise<T> {
  const authenticator = credsAuthenticator(readFileSync(nsc.credsFile(user)));
  const nats = await connect({ servers: server.url, authenticator });
  try {
    return await work(nats);
  } finally {
    await nats.close();
  }
}

/** The log line of a refusal, as a matcher of Jest. */
function refusal(subject: string): unknown {
  return expect.stringContaining(`Subject ${JSON.stringify(subject)}`);
}

test('the deployer creates everything, and a plan then finds no change', async () => {
  const apply = ['apply', '--yes', '--plugins', STORY_PLUGINS];
  expect(await command('jetplug-deployer', ...apply)).toMatchObject({ code: 0, stderr: '' });
  const plan = await command('jetplug-deployer', 'plan', '--plugins', STORY_PLUGINS);
  expect(plan).toMatchObject({ code: 0, stderr: '' });
  expect(plan.json()).toEqual([]);
  expect(refusals()).toEqual([]);
});

test('a host handles an event of the publisher by all plugins, and the operator sees its effects', async () => {
  const credentials = { credsFile: nsc.credsFile('jetplug-host') };
  const config = { ...CONFIG, nats: { ...CONFIG.nats, credentials } };
  host = await scene.host({ server, plugins: [STORY_PLUGINS], config });
  await connected('jetplug-publisher', (nats) =>
    nats.jetstream().publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}'),
  );
  await eventually(async () => expect(await handled(host)).toMatchObject(each(1)) === undefined);
  const store = await command('jetplug-operator', 'store', 'badge');
  expect(store).toMatchObject({ code: 0, stderr: '' });
  expect(store.json()).toEqual([{ key: 'u1', value: 1 }]);
  expect(refusals()).toEqual([]);
});

test.each([
  ['jetplug-host', '$JS.API.STREAM.DELETE.EVENTS', 'jetplug.audit'],
  ['jetplug-publisher', '$JS.API.STREAM.MSG.GET.EVENTS', '_INBOX.jetplug.>'],
  ['jetplug-operator', '$JS.API.STREAM.UPDATE.EVENTS', 'video.>'],
  ['jetplug-deployer', '$JS.API.STREAM.DELETE.FOREIGN', '$KV.>'],
])('the server refuses anything else to %s', async (user, published, subscribed) => {
  await connected(user, async (nats) => {
    nats.publish(published);
    nats.subscribe(subscribed, { callback: () => undefined });
    await nats.flush();
  });
  expect(refusals()).toEqual([refusal(published), refusal(subscribed)]);
});

test('commands without the creation of keys and users add subjects for the users that exist', async () => {
  const publish = (): Promise<void> =>
    connected('jetplug-publisher', async (nats) => {
      for (const subject of SHOP.subjects) nats.publish(subject);
      await nats.flush();
    });
  await publish();
  expect(refusals()).toEqual(SHOP.subjects.map(refusal));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...CONFIG, streams: [...streams, SHOP] }));
  await nsc.run((await printed()).replaceAll(' --sk generate', '').replaceAll(/^nsc add user .*$/gm, ''));
  await nsc.push(server);
  await publish();
  expect(refusals()).toEqual([]);
});

test('nsc refuses the unchanged commands when they are run again', async () => {
  await expect(nsc.run(await printed())).rejects.toThrow('the user "jetplug-host" already exists');
});
