/**
 * deploy/kubernetes without a cluster: kustomize builds it, the schemas of Kubernetes accept it, and hosts with the
 * config of the config map answer its probes. Needs `kustomize` and `kubernetes-validate` on the PATH.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { findOnPath } from '../../host/nats-server/programs';
import { PINNED_VERSION } from '../../host/nats-server/version';
import { readDockerfile } from '../support/dockerfile';
import { eventually } from '../support/eventually';
import { MAIN, STORY_PLUGINS, type ReadyLine } from '../support/host';
import { asProcess, type ComposeProcess } from '../support/compose';
import { freePort } from '../support/free-port';
import { ROOT } from '../support/markdown';
import { Scene } from '../support/scene';

const FOLDER = join(ROOT, 'deploy/kubernetes');
const INSTALL: Record<string, string> = {
  kustomize: '`go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1`',
  'kubernetes-validate': '`pip install kubernetes-validate`',
};
const OPERATOR = 'a-token-of-the-operators';
const READY_MS = 60_000;

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext: object;
}

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> };
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: {
        readonly containers: readonly [Container];
        readonly volumes: readonly { readonly configMap?: { readonly name: string } }[];
      };
    };
  };
}

const scene = new Scene();
let built: string;
let resources: readonly Resource[];

beforeAll(() => {
  built = run('kustomize', 'build', FOLDER);
  resources = parseAllDocuments(built).map((document) => document.toJS() as Resource);
});
afterAll(() => scene.end());

const of = (kind: string): Resource => resources.find((resource) => resource.kind === kind)!;
const container = (): Container => of('Deployment').spec.template.spec.containers[0];

test('kustomize builds the resources, and the schemas of Kubernetes accept each', () => {
  const file = join(scene.folder(), 'built.yaml');
  writeFileSync(file, built);
  const printed = run('kubernetes-validate', '--strict', file);
  expect(resources.map(({ kind }) => kind).sort()).toEqual([
    'ConfigMap',
    'Deployment',
    'PodDisruptionBudget',
    'Service',
  ]);
  expect(printed.match(/ passed for resource /g)).toHaveLength(4);
});

test('the schemas refuse a misspelt key', () => {
  const file = join(scene.folder(), 'wrong.yaml');
  writeFileSync(file, built.replace('readinessProbe:', 'readynessProbe:'));
  expect(spawnSync(program('kubernetes-validate'), ['--strict', file]).status).not.toBe(0);
});

test('service and disruption budget select the pods, and the pods mount the config map of this config', () => {
  const { template } = of('Deployment').spec;
  const pairs = { 'app.kubernetes.io/name': 'jetplug' };
  expect(template.metadata.labels).toMatchObject(pairs);
  expect(of('Service').spec.selector).toEqual(pairs);
  expect(of('PodDisruptionBudget').spec.selector.matchLabels).toEqual(pairs);
  expect(template.spec.volumes[0]!.configMap!.name).toBe(of('ConfigMap').metadata.name);
  expect(of('ConfigMap').data['jetplug.yaml']).toBe(readFileSync(join(FOLDER, 'jetplug.yaml'), 'utf8'));
});

test('the pods have no privileges, and their command is that of the image, with the config', () => {
  const { command } = readDockerfile(join(ROOT, 'Dockerfile'));
  const { args, volumeMounts, securityContext } = container();
  expect(args[0]).toBe(command.at(-1));
  expect(args[2]).toBe(join(volumeMounts[0]!.mountPath, 'jetplug.yaml'));
  expect(securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('the values of the NATS chart have the pinned version and three servers that sync each write', () => {
  const { config, container: server } = parse(readFileSync(join(FOLDER, 'nats-values.yaml'), 'utf8')) as {
    config: object;
    container: { image: { tag: string } };
  };
  expect(server.image.tag).toBe(`${PINNED_VERSION}-alpine`);
  expect(config).toMatchObject({
    cluster: { enabled: true, replicas: 3 },
    jetstream: { merge: { sync_interval: 'always' } },
  });
});

describe('two hosts with the config of the config map', () => {
  let hosts: readonly ComposeProcess[];
  let port: number;

  beforeAll(async () => {
    const cluster = await scene.cluster();
    port = await freePort();
    hosts = [await start(cluster.urls, port), await start(cluster.urls, await freePort())];
  }, 60_000);
  afterAll(() => Promise.all(hosts.map((host) => host.end('SIGKILL'))));

  test('that start at the same time on an empty cluster become ready, although both create its streams', async () => {
    await eventually(() => hosts.every(({ log }) => log.some(({ msg }) => msg === 'ready')), READY_MS);
    for (const { log } of hosts) {
      const { http } = log.find(({ msg }) => msg === 'ready') as ReadyLine;
      await eventually(async () => (await fetch(`${http}/readyz`)).status === 200, READY_MS);
    }
  }, 120_000);

  test('answer each probe, on the port of the container and of the service', async () => {
    const { startupProbe, livenessProbe, readinessProbe, ports } = container();
    const { ports: ofService } = of('Service').spec;
    expect(ports).toEqual([{ name: 'http', containerPort: 8300 }]);
    expect(ofService).toEqual([{ name: 'http', port: 8300, targetPort: 'http' }]);
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
      expect(httpGet.port).toBe('http');
      expect((await fetch(`http://127.0.0.1:${port}${httpGet.path}`)).status).toBe(200);
    }
  });

  test('ask for the token of the secret', async () => {
    const metrics = (headers: Record<string, string>): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/metrics`, { headers });
    expect((await metrics({})).status).toBe(401);
    expect((await metrics({ authorization: `Bearer ${OPERATOR}` })).status).toBe(200);
  });

  test('stop on SIGTERM with exit code 0', async () => {
    expect(await Promise.all(hosts.map((host) => host.end('SIGTERM')))).toEqual([0, 0]);
  });
});

/** Runs the host of a pod on loopback. Only addresses and the folder of the secret differ from the config map. */
async function start(servers: readonly string[], port: number): Promise<ComposeProcess> {
  const config = parse(of('ConfigMap').data['jetplug.yaml']!) as { nats: object; http: Record<string, unknown> };
  const secret = scene.folder({ operator: OPERATOR, reader: 'a-token-of-the-readers' });
  const { listen, operatorTokenFile, readerTokenFile } = config.http;
  expect([listen, operatorTokenFile, readerTokenFile]).toEqual([
    `0.0.0.0:${container().ports[0]!.containerPort}`,
    join(container().volumeMounts[1]!.mountPath, 'operator'),
    join(container().volumeMounts[1]!.mountPath, 'reader'),
  ]);
  const changed = {
    ...config,
    nats: { ...config.nats, servers },
    http: {
      ...config.http,
      listen: `127.0.0.1:${port}`,
      operatorTokenFile: join(secret, 'operator'),
      readerTokenFile: join(secret, 'reader'),
    },
  };
  const folder = scene.folder({ 'jetplug.yaml': stringify(changed) });
  const [command, flag] = container().args;
  const args = [MAIN, command!, flag!, join(folder, 'jetplug.yaml'), '--plugins', STORY_PLUGINS];
  const env = { PATH: process.env['PATH'], NODE_ENV: 'production' };
  return asProcess(spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** @throws Error with the output, if the program fails */
function run(name: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program(name), args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} ended with ${status}:\n${stdout}${stderr}`);
  return stdout + stderr;
}

/** @throws Error that says what to install */
function program(name: string): string {
  const found = findOnPath(name, process.env);
  if (found !== undefined) return found;
  throw new Error(`${name} is not on the PATH. ${INSTALL[name]!} installs it, as \`.ci/run\` does.`);
}
