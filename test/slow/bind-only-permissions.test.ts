/** A host with `deploy.bindOnly`, with exactly the permissions that are printed for it. A deployer creates everything. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { parse } from 'yaml';
import { jetplug, type CliResult } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { envOf, grantedServer, loginOf, refusalsOf } from '../support/granted-server';
import { STORY_CONFIG, STORY_PLUGINS, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { each, handled } from '../support/story';

const TRIAL = pluginSource(
  'TrialPlugin',
  `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('video.tried')
  async try(event: any) {
    if (event.bad) throw new Reject('bad');
    if (event.later) throw new RetryLater('1h');
    await this.counts.update('total', (n = 0) => n + 1);
  }`,
);
const { streams } = parse(STORY_CONFIG['config/default.yaml']) as { streams: object[] };
const CONFIG = { streams, deploy: { bindOnly: true } };

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let host: TestHost;
let folder: string;
let refusals: () => string[];

beforeAll(async () => {
  folder = scene.folder({ 'trial.plugin.ts': TRIAL });
  const dirs = [STORY_PLUGINS, folder];
  const config = { ...CONFIG, plugins: { dirs } };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  server = await grantedServer(scene, config);
  refusals = refusalsOf(server);
  nats = await scene.client(server.url);
  expect(await command('deployer', 'apply', '--yes')).toMatchObject({ code: 0, stderr: '' });
  const own = { ...CONFIG, nats: { credentials: loginOf('host') } };
  host = await scene.host({ server, plugins: dirs, config: own });
});
afterAll(() => scene.end());

function command(role: 'operator' | 'deployer', ...words: string[]): Promise<CliResult> {
  const args = [...words, '--json', '--servers', server.url, '--config', 'config.json'];
  return jetplug(args, { cwd: folder, env: envOf(role) });
}

async function deferred(): Promise<number> {
  return (await (await nats.jetstreamManager()).streams.info('RETRY')).state.messages;
}

test('it handles events, keeps values, moves events to the retry queue, and dead-letters', async () => {
  nats.publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}');
  for (const event of [{}, { bad: true }, { later: true }]) nats.publish('video.tried', JSON.stringify(event));
  await eventually(async () => expect(await handled(host)).toMatchObject({ ...each(1), 'trial.try': 1 }) === undefined);
  await eventually(async () => (await storedLetters(nats)).length === 1 && (await deferred()) === 1);
  const store = await command('operator', 'store', 'trial');
  expect(store).toMatchObject({ code: 0, stderr: '' });
  expect(store.json()).toEqual([{ key: 'total', value: 1 }]);
  expect(refusals()).toEqual([]);
});

test('an operator redrives a dead letter, and pauses', async () => {
  const [before] = await storedLetters(nats);
  for (const words of [
    ['dead', 'redrive', '--all'],
    ['pause', 'trial'],
    ['resume', 'trial'],
  ]) {
    expect(await command('operator', ...words)).toMatchObject({ code: 0, stderr: '' });
  }
  // The event is rejected again, and its new letter replaces the old one.
  await eventually(async () => (await storedLetters(nats))[0]!.seq > before!.seq);
  expect(refusals()).toEqual([]);
});

test.each([
  'STREAM.CREATE.EVENTS',
  'STREAM.CREATE.AUDIT',
  'STREAM.UPDATE.EVENTS',
  'STREAM.DELETE.EVENTS',
  'CONSUMER.CREATE.EVENTS.badge-award',
  'CONSUMER.DELETE.EVENTS.badge-award',
])('the server refuses %s to it', async (request) => {
  const { user, password } = loginOf('host');
  const login = await connect({ servers: server.url, user, pass: password });
  try {
    const asked = login.request(`$JS.API.${request}`, '', { timeout: 2_000 });
    await expect(asked).rejects.toMatchObject({ code: 'PERMISSIONS_VIOLATION' });
  } finally {
    await login.close();
  }
});
