/** Runs the commands of docs/disasters.md in a shell, in their order, and checks the costs of each loss on that page. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import { plainEnv, STORY_PLUGINS, type HostOptions, type TestHost } from '../support/host';
import { blocksOf, rowsOf } from '../support/markdown';
import type { TestCluster } from '../support/nats-cluster';
import { natsCliFolder } from '../support/nats-cli';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';
import { readStore, readStream } from '../support/stored';

const PAGE = 'docs/disasters.md';
const [BACK_UP, RESTORE, LIST, MOVE, REPEAT, ONE_STORE, ...OTHERS] = blocksOf(PAGE).map(({ text }) => text);
/** The streams of the config with as many replicas as the cluster has servers. */
const REPLICAS = 3;
const SUBJECTS = ['video.>', 'user.>', 'recommendation.>', 'analytics.>', 'notification.>', 'badge.>', 'ranking.>'];
/** Hosts look for lost streams every 30 s. */
const RECREATED_MS = 60_000;
const WATCH = 'video.watch_started';

const scene = new Scene();
const folder = scene.folder();
const bin = natsCliFolder(folder);
afterAll(() => scene.end(), 60_000);

test('the page has a command for each step', () => {
  expect(OTHERS).toEqual([]);
  expect(BACK_UP).toContain('nats backup account');
  expect([RESTORE, MOVE, REPEAT, ONE_STORE].every((block) => block!.includes('nats backup restore stream'))).toBe(true);
  expect(LIST).toContain('nats stream ls');
});

describe('backup and restore', () => {
  let server: TestServer;
  let nats: NatsConnection;
  let letters: number;

  beforeAll(async () => {
    server = await scene.server();
    nats = await scene.client(server.url);
  });

  test('back up: hosts are stopped, and publishers continue', async () => {
    const host = await start({ server });
    await watch(nats, 5);
    await publish(nats, { user_id: 1 });
    await settled(nats);
    letters = (await readStream(nats, 'DEAD')).length;
    expect(letters).toBe(6);
    await host.stop();
    await watch(nats, 2);
    shell(BACK_UP!, server.url);
    expect(readdirSync(join(folder, 'backup'))).toEqual(
      expect.arrayContaining([
        'DEAD',
        'EVENTS',
        'KV_jetplug',
        'KV_jetplug-badge',
        'LOG_jetplug-badge',
        'RETRY',
        'RUNS',
      ]),
    );
  });

  test('restore on an empty server: each event is handled once, with those that had waited', async () => {
    await wipe(server);
    shell(RESTORE!, server.url);
    expect(existsSync(join(folder, 'not-restored'))).toBe(false);
    expect(shell(LIST!, server.url).trim().split('\n').sort()).toEqual(readdirSync(join(folder, 'backup')).sort());
    const host = await start({ server });
    await settled(nats);
    expect(await badges(nats)).toBe(7);
    expect(await readStream(nats, 'DEAD')).toHaveLength(letters);
    await host.stop();
  }, 60_000);

  test('without durables in the backup, every handler runs all events again', async () => {
    await wipe(server);
    shell(RESTORE!, server.url);
    const host = await start({ server });
    await settled(nats);
    await host.stop();
    shell(BACK_UP!.replace('--force backup', '--force --no-consumers without-durables'), server.url);
    await wipe(server);
    shell(RESTORE!.replaceAll(/(?<=ls |")backup/g, 'without-durables'), server.url);
    const again = await start({ server });
    await settled(nats);
    expect(await badges(nats)).toBe(14);
    await again.stop();
  }, 90_000);

  test('move: a cluster gets the streams with three replicas, and each event is handled once', async () => {
    const cluster = await scene.cluster();
    const url = cluster.urls.join();
    shell(MOVE!, url);
    // So that streams are restored again even if the cluster took all of them.
    writeFileSync(join(folder, 'not-restored'), [...failed(), 'EVENTS', 'KV_jetplug-badge'].join('\n'));
    shell(REPEAT!, url);
    rmSync(join(folder, 'not-restored'));
    const there = await scene.client(...cluster.urls);
    const host = await start({ server: { url }, config: { streams: clusterStreams() } });
    await watch(there, 1);
    await settled(there);
    await eventually(async () => (await badges(there)) === 8, RECREATED_MS);
    expect(await readStream(there, 'DEAD')).toHaveLength(letters);
    const streams = await (await there.jetstreamManager()).streams.list().next();
    expect(streams.filter(({ config }) => config.num_replicas !== REPLICAS)).toEqual([]);
    await host.stop();
  }, 120_000);

  test('hosts raise streams that were restored with one replica', async () => {
    const cluster = await scene.cluster();
    const url = cluster.urls.join();
    shell(RESTORE!, url);
    writeFileSync(join(folder, 'not-restored'), failed().join('\n'));
    shell(REPEAT!.replace('--replicas 3 ', ''), url);
    rmSync(join(folder, 'not-restored'));
    const there = await scene.client(...cluster.urls);
    const host = await start({ server: { url }, config: { streams: clusterStreams() } });
    await settled(there);
    await eventually(async () => (await badges(there)) === 7, RECREATED_MS);
    const streams = await (await there.jetstreamManager()).streams.list().next();
    expect(streams.filter(({ config }) => config.num_replicas !== REPLICAS)).toEqual([]);
    await host.stop();
  }, 120_000);
});

describe('one plugin’s store', () => {
  test('returns to the backup, and the plugin handles the events since then once more, and no other plugin does', async () => {
    const server = await scene.server();
    const nats = await scene.client(server.url);
    rmSync(join(folder, 'backup'), { recursive: true });
    const before = await start({ server });
    await watch(nats, 5);
    await settled(nats);
    await before.stop();
    shell(BACK_UP!, server.url);
    const spoilt = await start({ server });
    await watch(nats, 3);
    await settled(nats);
    await spoilt.stop();
    shell(ONE_STORE!, server.url);
    expect(await readStoredBadges(nats)).toBe(5);
    const host = await start({ server });
    await settled(nats);
    expect(await badges(nats)).toBe(8);
    expect(await readStore(nats, 'ranking')).toMatchObject({ 'videos/v1': { points: expect.closeTo(8, 1) as number } });
    await host.stop();
  }, 90_000);
});

describe('losses on one server', () => {
  const scenes: Scene[] = [];
  afterEach(async () => {
    for (const each of scenes.splice(0)) await each.end();
  });

  /** Five watches are handled; then streams or durables are removed, under a running or a stopped host. */
  async function lose(what: readonly string[], while_: 'running' | 'stopped'): Promise<Loss> {
    const own = new Scene();
    scenes.push(own);
    const server = await own.server();
    const nats = await own.client(server.url);
    let host = await start({ server }, own);
    await watch(nats, 5);
    await settled(nats);
    await readStore(nats, 'badge');
    if (while_ === 'stopped') await host.stop();
    const jsm = await nats.jetstreamManager();
    for (const name of what) {
      if (name === 'badge-award') await jsm.consumers.delete('EVENTS', name);
      else await jsm.streams.delete(name);
    }
    if (while_ === 'stopped') host = await start({ server }, own);
    const logged = (code: string): boolean => JSON.stringify(host.lines).includes(code);
    return { nats, jsm, host, logged };
  }

  test('a durable is created again behind the settled events', async () => {
    for (const state of ['running', 'stopped'] as const) {
      const { nats, jsm } = await lose(['badge-award'], state);
      await eventually(() => jsm.consumers.info('EVENTS', 'badge-award'), RECREATED_MS);
      await watch(nats, 1);
      await settled(nats);
      expect(await badges(nats)).toBe(6);
    }
  }, 120_000);

  test.each(['running', 'stopped'] as const)(
    'KV_jetplug under a %s host costs no event',
    async (state) => {
      const { nats, jsm } = await lose(['KV_jetplug'], state);
      await eventually(() => jsm.streams.info('KV_jetplug'), RECREATED_MS);
      await watch(nats, 1);
      await settled(nats);
      expect(await badges(nats)).toBe(6);
    },
    120_000,
  );

  test('KV_jetplug and a durable: the handler runs all stored events again', async () => {
    const { nats } = await lose(['KV_jetplug', 'badge-award'], 'stopped');
    await settled(nats);
    expect(await badges(nats)).toBe(10);
  }, 60_000);

  test('EVENTS: its stores stay, and the stream is created again', async () => {
    const { nats, jsm, logged } = await lose(['EVENTS'], 'running');
    await eventually(() => jsm.streams.info('EVENTS'), RECREATED_MS);
    await watch(nats, 1);
    await eventually(async () => (await badges(nats)) === 6, RECREATED_MS);
    expect(logged('stream lost with its messages')).toBe(true);
  }, 120_000);

  test.each(['running', 'stopped'] as const)(
    'the bucket of a plugin under a %s host is rebuilt from the log',
    async (state) => {
      const { nats } = await lose(['KV_jetplug-badge'], state);
      await watch(nats, 1);
      await settled(nats);
      await eventually(async () => (await badges(nats)) === 6, RECREATED_MS);
    },
    120_000,
  );

  test.each(['running', 'stopped'] as const)(
    'without its log under a %s host, a plugin continues with the values of the bucket',
    async (state) => {
      const { nats, logged } = await lose(['LOG_jetplug-badge'], state);
      await watch(nats, 1);
      await eventually(async () => (await badges(nats)) === 6, RECREATED_MS);
      await eventually(() => logged('JP_LOG_LOST'), RECREATED_MS);
    },
    120_000,
  );

  test('DEAD, RETRY and RUNS are created again, empty, and the handlers continue', async () => {
    const lost = ['DEAD', 'RETRY', 'RUNS'];
    const { nats, jsm } = await lose(lost, 'running');
    for (const name of lost) await eventually(() => jsm.streams.info(name), RECREATED_MS);
    for (const name of ['DEAD', 'RETRY']) expect((await jsm.streams.info(name)).state.messages).toBe(0);
    await watch(nats, 1);
    await settled(nats);
    expect(await badges(nats)).toBe(6);
  }, 120_000);
});

describe('losses of a cluster', () => {
  let cluster: TestCluster;
  let nats: NatsConnection;
  let host: TestHost;
  let expected = 0;

  beforeAll(async () => {
    cluster = await scene.cluster();
    nats = await scene.client(...cluster.urls);
    host = await start({ server: { url: cluster.urls.join() }, config: { streams: clusterStreams() } });
  }, 120_000);

  const watched = async (count: number): Promise<void> => {
    await watch(nats, count);
    expected += count;
    await settled(nats);
    await eventually(async () => (await badges(nats)) === expected, RECREATED_MS);
  };

  test('one server with its disk: nothing, and an empty server of that name copies everything', async () => {
    await watched(5);
    await cluster.kill('n1');
    await watched(5);
    cluster.wipe('n1');
    cluster.restart('n1');
    await eventually(() => isCurrent('n1'), RECREATED_MS);
    await watched(1);
  }, 180_000);

  test('two servers: no event is stored until one returns, and /readyz answers 503', async () => {
    await cluster.kill('n0');
    await cluster.kill('n1');
    await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 503, RECREATED_MS);
    await expect(nats.jetstream().publish(WATCH, '{}', { timeout: 2_000 })).rejects.toThrow();
    cluster.restart('n0');
    await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 200, RECREATED_MS);
    cluster.restart('n1');
    await watched(1);
  }, 180_000);

  test('all servers, killed: nothing', async () => {
    await Promise.all(cluster.names.map((name) => cluster.kill(name)));
    cluster.names.forEach((name) => cluster.restart(name));
    await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 200, RECREATED_MS);
    await watched(1);
  }, 180_000);

  async function isCurrent(name: string): Promise<boolean> {
    const jsm = await nats.jetstreamManager({ checkAPI: false });
    const streams = await jsm.streams.list().next();
    const replicas = streams.flatMap(({ cluster: placed }) => placed?.replicas ?? []);
    const leaders = streams.map(({ cluster: placed }) => placed?.leader);
    return replicas.filter((one) => one.name === name).every(({ current }) => current) && !leaders.includes(undefined);
  }
});

test('the table has a row for each loss that is checked', () => {
  const rows = rowsOf(PAGE).map(([lost]) => lost!);
  for (const name of [
    'EVENTS',
    'a durable',
    'KV_jetplug',
    'KV_jetplug and a durable',
    'RETRY',
    'DEAD',
    'RUNS, AUDIT',
  ]) {
    expect(rows).toContain(name);
  }
});

interface Loss {
  readonly nats: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly host: TestHost;
  logged(code: string): boolean;
}

function clusterStreams(): object[] {
  return [{ name: 'EVENTS', subjects: SUBJECTS, replicas: REPLICAS }];
}

function start(options: Omit<HostOptions, 'plugins'>, own = scene): Promise<TestHost> {
  return own.host({ ...options, plugins: [STORY_PLUGINS], flags: ['--no-watch'] });
}

/** Runs the text in a shell. @returns the output. @throws Error with the output, if a command fails */
function shell(text: string, url: string): string {
  const env = {
    ...plainEnv(),
    PATH: [bin, process.env['PATH']].join(delimiter),
    NATS_URL: url,
    XDG_CONFIG_HOME: folder,
  };
  const { status, stdout, stderr } = spawnSync('bash', ['-e', '-c', text], { cwd: folder, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`exit code ${status}: ${text}${stdout}${stderr}`);
  return stdout;
}

/** The streams that a cluster did not restore. */
function failed(): string[] {
  const file = join(folder, 'not-restored');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

/** Kills the server, removes its data and starts it again. */
async function wipe(server: TestServer): Promise<void> {
  await server.kill();
  server.wipe();
  await server.restart();
}

async function watch(nats: NatsConnection, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await publish(nats, { user_id: 'u1', video_id: 'v1' });
}

async function publish(nats: NatsConnection, fields: object): Promise<void> {
  await eventually(() => nats.jetstream().publish(WATCH, JSON.stringify(fields)), RECREATED_MS);
}

async function settled(nats: NatsConnection): Promise<void> {
  // The API may not answer while the servers elect leaders.
  await allSettled(await nats.jetstreamManager({ checkAPI: false }), ['EVENTS'], RECREATED_MS);
}

/** The watches that badge has counted. A host must run. */
async function badges(nats: NatsConnection): Promise<unknown> {
  return (await readStore(nats, 'badge'))['u1'];
}

/** The same, without a host. */
async function readStoredBadges(nats: NatsConnection): Promise<unknown> {
  return (await nats.jetstream().views.kv('jetplug-badge', { bindOnly: true }))
    .get('u1')
    .then((entry) => entry?.json());
}
