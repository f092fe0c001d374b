/** The limits of a stop, as docs/operating.md lists them, and the time that a container has for it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CONTAINER_FILES } from '../../host/cli/init-containers';
import { loadConfig } from '../../host/config/load';
import { DRAIN_MS } from '../../host/nats/connection';
import { SERVICE_STOP_MS } from '../../host/nats/serve-answers';
import { WATCHDOG_WAIT_MS } from '../../host/nats-server/launch';
import { STOP_LIMIT_MS } from '../../host/base/stop-limit';
import { STOP_MS } from '../../host/records/runs/run-recorder';
import { FLUSH_MS } from '../../host/telemetry/open';
import { parseDuration } from '../../sdk/internal';
import { ROOT, rowsIn, textOf } from '../support/markdown';

const { config } = loadConfig({ cwd: join(ROOT, 'test'), env: {}, flags: {} });

/** In the order in which the host stops. */
const LIMITS_MS: readonly (readonly [part: RegExp, ms: number])[] = [
  [/micro service/, SERVICE_STOP_MS],
  [/running handlers/, config.shutdown.graceMs],
  [/onStop.* of the plugins/, STOP_LIMIT_MS],
  [/onStop.* of the providers/, STOP_LIMIT_MS],
  [/records of runs/, STOP_MS],
  [/connection/, DRAIN_MS],
  [/embedded broker/, WATCHDOG_WAIT_MS],
  [/OpenTelemetry/, FLUSH_MS],
];
/** How long requests to a server that hangs may delay the parts besides: measured, see docs/operating.md. */
const HANGING_SERVER_MS = 36_000;
const sumMs = LIMITS_MS.reduce((sum, [, ms]) => sum + ms, 0);

test('docs/operating.md has every limit of a stop in its order, and their sum', () => {
  const [, stopping] = textOf('docs/operating.md').split('\n## Stopping\n');
  const rows = rowsIn(stopping!.split('\n## ')[0]!).map(([part, limit]) => ({ part, ms: parseDuration(limit!) }));
  const expected = [...LIMITS_MS, [/^all together$/, sumMs] as const];
  expect(rows).toEqual(expected.map(([part, ms]) => ({ part: expect.stringMatching(part), ms })));
});

interface Pods {
  readonly spec: { readonly template: { readonly spec: { readonly terminationGracePeriodSeconds: number } } };
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const graceIn = (compose: string, service: string): string =>
  (parse(compose, { merge: true }) as { services: Record<string, { stop_grace_period: string }> }).services[service]!
    .stop_grace_period;
const ofNewProject = CONTAINER_FILES.find(({ file }) => file === 'docker-compose.yml')!.text;
const pods = parse(read('deploy/kubernetes/deployment.yaml')) as Pods;

test.each([
  ['docker-compose.yml', graceIn(read('docker-compose.yml'), 'jetplug-2')],
  ['docker-compose.yml of a new project', graceIn(ofNewProject, 'jetplug')],
  ['deploy/kubernetes', `${pods.spec.template.spec.terminationGracePeriodSeconds}s`],
  ['deploy/systemd', /^TimeoutStopSec=(.+)$/m.exec(read('deploy/systemd/jetplug.service'))![1]!],
])('a host of %s has more time to stop than all limits together', (_where, limit) => {
  expect(parseDuration(limit)).toBeGreaterThan(sumMs + HANGING_SERVER_MS);
});
