/**
 * docker-compose.yml without a container engine: the file and the files that it mounts are read, and its services run as
 * plain processes, with other addresses and paths (test/support/compose.ts). Grafana is not run. Needs `prometheus` and
 * `promtool` on the PATH.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { parse } from 'yaml';
import { PINNED_VERSION } from '../../host/nats-server/version';
import { jetplug } from '../support/cli';
import { COMPOSE, ComposeRun, type ComposeProcess } from '../support/compose';
import { composeValidator } from '../support/compose-schema';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import { post } from '../support/http';
import { ROOT } from '../support/markdown';
import { Scene } from '../support/scene';
import { readStore, readStream } from '../support/stored';
import { report } from '../chaos/proof';

const NATS = ['nats-1', 'nats-2', 'nats-3'];
const HOSTS = ['jetplug-1', 'jetplug-2'];
const PLUGINS = 6;
const READY_MS = 60_000;
const VIEWERS = 20;
const POSTS = 400;
const AT_A_TIME = 8;

const { services } = COMPOSE;
const inRoot = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const yamlOf = <T>(path: string): T => parse(inRoot(path)) as T;

const scene = new Scene();
let platform: ComposeRun;

beforeAll(async () => {
  platform = new ComposeRun(scene);
  await platform.choosePorts();
});
afterAll(async () => {
  await platform.end();
  await scene.end();
}, 60_000);

describe('the file', () => {
  test('fits the schema of the Compose Specification', () => {
    const valid = composeValidator();
    expect(valid(COMPOSE) ? [] : valid.errors).toEqual([]);
    expect(valid({ services: { nats: { ...services['nats-1'], portz: [] } } })).toBe(false);
  });

  test('has three servers of the version that a host would fetch, and all images are pinned', () => {
    expect(NATS.map((name) => services[name]!.image)).toEqual(Array(3).fill(`nats:${PINNED_VERSION}-alpine`));
    const images = Object.values(services).flatMap(({ image }) => image ?? []);
    expect(images.filter((image) => !/:v?\d+\.\d+\.\d+/.test(image))).toEqual([]);
  });

  test.each(Object.entries(services))(
    '%s is reached from this machine only, has no privileges, and writes to its volumes only',
    (_name, { ports = [], volumes = [], ...service }) => {
      expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      const mounts = volumes.filter((volume) => volume.startsWith('./')).map((volume) => volume.split(':'));
      expect(mounts.filter(([source, , mode]) => !existsSync(join(ROOT, source!)) || mode !== 'ro')).toEqual([]);
    },
  );

  test('each service but the tokens restarts after a failure and has a health check, and Node.js has an init process', () => {
    const { tokens: _, ...others } = services;
    expect(Object.values(others).map(({ restart }) => restart)).toEqual(Array(8).fill('unless-stopped'));
    expect(Object.values(others).map(({ healthcheck }) => healthcheck.test?.[0])).toEqual(Array(8).fill('CMD'));
    expect(Object.values(others).filter(({ build, init }) => build !== undefined && init !== true)).toEqual([]);
  });

  test('the layer for the cluster has the streams of the default config, on as many replicas as there are servers', () => {
    interface Streams {
      readonly streams: readonly object[];
    }
    const { streams } = yamlOf<Streams>('config/default.yaml');
    expect(yamlOf<Streams>('config/cluster.yaml').streams).toEqual(
      streams.map((stream) => ({ ...stream, replicas: NATS.length })),
    );
  });

  test('Grafana finds its data source and the dashboard', () => {
    const folder = 'deploy/grafana/provisioning';
    const { datasources } = yamlOf<{ datasources: { type: string; url: string }[] }>(
      `${folder}/datasources/prometheus.yml`,
    );
    expect(datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090', isDefault: true }]);
    const { providers } = yamlOf<{ providers: { options: { path: string } }[] }>(`${folder}/dashboards/jetplug.yml`);
    const mounts = services['grafana']!.volumes!.map((volume) => volume.split(':'));
    const [dashboard] = mounts.filter(([, target]) => target!.startsWith(providers[0]!.options.path));
    expect(JSON.parse(inRoot(dashboard![0]!))).toMatchObject({ uid: 'jetplug' });
    expect(mounts).toContainEqual([`./${folder}`, '/etc/grafana/provisioning', 'ro']);
  });
});

describe('the tokens', () => {
  const token = (role: string): string => readFileSync(join(platform.folder, 'volumes/tokens', role), 'utf8');

  test('are random at first and kept, and a variable replaces one', async () => {
    await writeTokens();
    const [operator, reader] = [token('operator'), token('reader')];
    expect([operator, reader].every((each) => /^[0-9a-f]{48}$/.test(each))).toBe(true);
    expect(operator).not.toBe(reader);
    await writeTokens({ JETPLUG_HTTP_OPERATOR_TOKEN: 'a-token-of-our-own' });
    expect([token('operator'), token('reader')]).toEqual(['a-token-of-our-own', reader]);
    await writeTokens();
    expect(token('operator')).toBe('a-token-of-our-own');
  });
});

describe('the services as processes', () => {
  const running = new Map<string, ComposeProcess>();
  let nats: NatsConnection;
  let jsm: JetStreamManager;
  let files: readonly string[];

  beforeAll(async () => {
    files = filesOf(platform.app);
    await writeTokens();
    for (const name of NATS) running.set(name, await platform.start(name));
    await healthy(NATS);
    for (const name of HOSTS) {
      running.set(name, await platform.start(name));
      await healthy([name]);
    }
    running.set('video-service', await platform.start('video-service'));
    running.set('prometheus', await platform.start('prometheus'));
    await healthy(['video-service', 'prometheus']);
    nats = await scene.client(...servers());
    jsm = await nats.jetstreamManager();
  }, 120_000);

  test('all assets have three replicas', async () => {
    const streams = await jsm.streams.list().next();
    expect(streams.map(({ config }) => config.name)).toEqual(
      expect.arrayContaining(['EVENTS', 'DEAD', 'RETRY', 'KV_jetplug', 'LOG_jetplug-badge', 'KV_jetplug-badge']),
    );
    expect(streams.filter(({ config }) => config.num_replicas !== NATS.length)).toEqual([]);
  });

  test('both hosts run all plugins, and a POST of the video service is handled by each', async () => {
    expect(await watch('first')).toBe(200);
    await eventually(async () => {
      const plugins = (await jetplug(['plugins', '--json', '--servers', servers().join()])).json<Plugin[]>();
      expect(plugins).toHaveLength(PLUGINS);
      const watching = plugins.flatMap(({ handlers }) => handlers).filter(({ subject }) => subject === WATCH);
      expect(watching.map(({ handled }) => handled)).toEqual(Array(PLUGINS).fill(1));
      return true;
    });
  });

  test('Prometheus accepts its config, and scrapes both hosts with the token of the readers', async () => {
    const url = `http://${platform.address('prometheus:9090')}/api/v1/query?query=${encodeURIComponent('up{job="jetplug"}')}`;
    await eventually(async () => {
      const { data } = (await (await fetch(url)).json()) as { data: { result: { value: [number, string] }[] } };
      expect(data.result.map(({ value }) => value[1])).toEqual(['1', '1']);
      return true;
    }, 40_000);
    const metrics = await fetch(`http://${platform.address('jetplug-1:8300')}/metrics`);
    expect(metrics.status).toBe(401);
  }, 60_000);

  test('a server is killed while videos are started: every start counts once in each plugin, and the hosts stay ready', async () => {
    const before = (await readStream(nats, 'EVENTS')).filter(({ subject }) => subject === WATCH).length;
    const leader = (await jsm.streams.info('EVENTS')).cluster!.leader!;
    let next = 0;
    const answers: number[] = [];
    const kill = async (): Promise<void> => {
      await eventually(() => answers.length > POSTS / 4, READY_MS);
      await running.get(leader)!.end('SIGKILL');
    };
    const send = async (): Promise<void> => {
      while (next < POSTS) answers.push(await watch(`u${next++ % VIEWERS}`));
    };
    await Promise.all([kill(), ...Array.from({ length: AT_A_TIME }, send)]);
    expect(answers).toEqual(Array(POSTS).fill(200));
    await allSettled(jsm, ['EVENTS'], READY_MS);
    const counts = Object.values(await readStore(nats, 'badge')) as number[];
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(before + POSTS);
    expect((await readStream(nats, 'DEAD')).length).toBe(0);
    await healthy(HOSTS);
    report('compose', `${leader}, which led EVENTS, killed during ${POSTS} POSTs: each counted once`);

    running.set(leader, await platform.start(leader));
    await healthy(NATS);
  }, 240_000);

  test('SIGTERM ends hosts and video service with exit code 0, and the image has no new file', async () => {
    const ended = ['video-service', ...HOSTS].map((name) => running.get(name)!.end('SIGTERM'));
    expect(await Promise.all(ended)).toEqual([0, 0, 0]);
    expect(await platform.isHealthy('jetplug-1')).toBe(false);
    expect(filesOf(platform.app)).toEqual(files);
  }, 60_000);

  const WATCH = 'video.watch_started';

  interface Plugin {
    readonly handlers: readonly { readonly subject: string; readonly handled: number }[];
  }

  const servers = (): string[] => NATS.map((name) => `nats://${platform.address(`${name}:4222`)}`);

  async function watch(userId: string): Promise<number> {
    const url = `http://${platform.address('video-service:3000')}/watch`;
    return (await post(url, { user_id: userId, video_id: 'v1' })).status;
  }

  function healthy(names: readonly string[]): Promise<boolean> {
    return eventually(async () => {
      const sick = [];
      for (const name of names) if (!(await platform.isHealthy(name))) sick.push(name);
      const saidBy = (name: string): unknown[] =>
        [...running.get(name)!.noise, ...running.get(name)!.log.map(({ msg }) => msg)].slice(-5);
      if (sick.length > 0) throw new Error(`not healthy: ${JSON.stringify(sick.map((name) => [name, saidBy(name)]))}`);
      return true;
    }, READY_MS);
  }
});

async function writeTokens(variables: NodeJS.ProcessEnv = {}): Promise<void> {
  const { child } = await platform.start('tokens', variables);
  await eventually(() => child.exitCode !== null);
  expect(child.exitCode).toBe(0);
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}
