/**
 * The alerts and the dashboard in deploy/: Debian's promtool checks the rules, and a real Prometheus that scrapes a real
 * host evaluates every rule and every query of the dashboard. Needs `prometheus` and `promtool` on the PATH.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { ROOT } from '../support/markdown';
import { pluginSource } from '../support/plugin-source';
import { promtool, startPrometheus, type PrometheusServer } from '../support/prometheus-server';
import { Scene } from '../support/scene';
import { report } from '../chaos/proof';

/** A handler for each thing that a metric counts. */
const PLUGINS = {
  fine: `  @Subscribe('video.fine') on() {}`,
  paused: `  @Subscribe('video.paused') on() {}`,
  rejects: `  @Subscribe('video.rejects') on() { throw new Reject('bad'); }`,
  retries: `  @Subscribe('video.retries', { retry: { backoff: ['200ms'] } }) on() { throw new Error('bad'); }`,
  late: `  @Subscribe('video.late') on() { setTimeout(() => { throw new Error('late'); }, 1); }`,
  blocks: `  @Subscribe('video.blocks') on() { for (const end = Date.now() + 1_800; Date.now() < end;); }`,
};
const OWN_PROCESS = pluginSource('OwnPlugin', `  @Subscribe('video.own') on() {}`, {
  options: `{ isolation: 'process' }`,
});

const scene = new Scene();
let nats: NatsConnection;
let host: TestHost;
let prometheus: PrometheusServer;
let stopPrometheus: (() => Promise<void>) | undefined;

beforeAll(async () => {
  promtool('--version');
  const server = await scene.server();
  nats = await scene.client(server.url);
  const files = Object.entries(PLUGINS).map(([name, body]) => [
    `${name}.plugin.ts`,
    pluginSource(`${name[0]!.toUpperCase()}${name.slice(1)}Plugin`, body),
  ]);
  const plugins = scene.folder({
    ...(Object.fromEntries(files) as Record<string, string>),
    'own.plugin.ts': OWN_PROCESS,
    'broken.plugin.ts': 'export class {',
  });
  host = await scene.host({ server, plugins: [plugins] });
  prometheus = await startPrometheus(host.url.replace('http://', ''), scene.folder());
  stopPrometheus = () => prometheus.stop();
  expect((await jetplug(['pause', 'paused', '--servers', server.url])).code).toBe(0);
  // A counter grows only for a server that has seen its value before.
  await eventually(async () => (await prometheus.query('jetplug_handled_total')).length === 7, 20_000);
  for (let round = 0; round < 3; round++) {
    for (const name of [...Object.keys(PLUGINS), 'own', 'nobody']) nats.publish(`video.${name}`, '{}');
  }
}, 90_000);
afterAll(async () => {
  await stopPrometheus?.();
  await scene.end();
});

test('promtool accepts the scrape config and the alerts, and their tests pass', () => {
  expect(promtool('check', 'config', 'prometheus.yml')).toContain('rules found');
  promtool('test', 'rules', 'alerts.test.yml');
});

test('every query of the dashboard finds series', async () => {
  const queries = dashboardQueries();
  expect(queries.length).toBeGreaterThan(40);
  await eventually(async () => {
    const found = await Promise.all(queries.map(async (query) => (await prometheus.query(inTest(query))).length));
    const empty = queries.filter((_query, i) => found[i] === 0);
    if (empty.length > 0) throw new Error(`without series: ${empty.join(' ; ')}`);
    return true;
  }, 60_000);
  report('the dashboard', `${queries.length} queries found series`);
}, 90_000);

test('every alert is evaluated from metrics that exist, and those of this host are active', async () => {
  const rules = await prometheus.rules();
  expect(rules.length).toBeGreaterThan(10);
  expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  const names = await prometheus.names();
  const used = [...rules.map(({ query }) => query), ...dashboardQueries()].flatMap(metricsIn);
  expect(used.filter((name) => !names.includes(name))).toEqual([]);
  const expected = ['JetplugPluginFailed', 'JetplugDeadLetters', 'JetplugHandlerPaused', 'JetplugReloadFailed'];
  await eventually(async () => {
    const active = (await prometheus.rules()).filter(({ state }) => state !== 'inactive').map(({ name }) => name);
    return expected.every((name) => active.includes(name));
  }, 30_000);
  report('the alerts', `${rules.length} are evaluated`);
}, 60_000);

test('the lag of a paused handler grows, that of a handler without events is 0, and waits are counted', async () => {
  const [paused] = await eventually(async () => {
    const found = await prometheus.query('jetplug_handler_lag_seconds{plugin="paused"} > 2');
    return found.length === 1 && found;
  }, 30_000);
  const [later] = await eventually(async () => {
    const found = await prometheus.query(`jetplug_handler_lag_seconds{plugin="paused"} > ${paused!.value + 1}`);
    return found.length === 1 && found;
  }, 30_000);
  expect(later!.value).toBeLessThan(120);
  expect(await prometheus.query('jetplug_handler_lag_seconds{plugin="fine"}')).toMatchObject([{ value: 0 }]);
  expect(await prometheus.query('jetplug_wait_seconds_count{plugin="fine"}')).toMatchObject([{ value: 3 }]);
}, 90_000);

interface Panel {
  readonly targets?: readonly { readonly expr: string }[];
}

function dashboardQueries(): string[] {
  const text = readFileSync(join(ROOT, 'deploy/grafana/jetplug.json'), 'utf8');
  const { panels } = JSON.parse(text) as { panels: readonly Panel[] };
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
}

/** Fills in the variables as Grafana does for all plugins and all handlers. */
function inTest(query: string): string {
  return query.replaceAll('$__rate_interval', '60s').replace(/\$(plugin|handler)\b/g, '.*');
}

function metricsIn(query: string): string[] {
  return query.match(/\b(?:jetplug|process|nodejs)_\w+/g) ?? [];
}
