import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import type { NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { MAIN, plainEnv } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const BILLS = pluginSource(
  'BillsPlugin',
  `  constructor(private readonly events: EventBus) {}
  @Subscribe('video.ordered', { retry: { attempts: 1 } })
  async send({ user, n }: any) {
    if (n === 13) throw new Error('no paper');
    await this.events.publish('badge.billed', { user });
  }`,
);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
const children: ChildProcess[] = [];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await scene.end();
});

/** Runs `jetplug tail`. `end` interrupts it, and resolves with its exit code. */
function tail(...flags: string[]) {
  const args = [MAIN, 'tail', ...flags, '--servers', server.url];
  const child = spawn(process.execPath, args, { cwd: tmpdir(), env: plainEnv() });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = () => output.trim().split('\n');
  return { lines, end: () => (child.kill('SIGINT'), closed) };
}

test('without a host it says so', async () => {
  const { code, errors } = await jetplug(['tail', '--servers', server.url, '--json']);
  expect([code, errors()]).toMatchObject([1, [{ code: 'JP_NO_HOST' }]]);
});

test('each event is one line with its runs, filtered or as JSON, until Ctrl-C', async () => {
  await scene.host({ server, plugins: [scene.folder({ 'bills.plugin.ts': BILLS })] });
  const [all, failed, json] = [tail(), tail('--only', 'failed'), tail('--json', '--where', 'user=u1')];
  let n = 0;
  await eventually(async () => {
    nats.publish('video.ordered', JSON.stringify({ user: 'u1', n: 100 + n++ }));
    nats.publish('video.ordered', JSON.stringify({ user: 'u2', n: 13 }));
    const isHandled = all
      .lines()
      .some((line) => /^video\.ordered u1 → bills ✔ [\d.]+ m?s \(badge\.billed\)$/.test(line));
    return isHandled && [failed, json].every(({ lines }) => lines()[0] !== '');
  });
  expect(failed.lines()[0]).toBe('video.ordered u2 → bills ✖ dead letter (attempts-exhausted): no paper');
  expect(failed.lines().join()).not.toContain('✔');
  expect(JSON.parse(json.lines()[0]!)).toMatchObject({
    plugin: 'bills',
    outcome: 'handled',
    about: 'u1',
    stream: 'EVENTS',
  });
  expect(await Promise.all([all, failed, json].map(({ end }) => end()))).toEqual([0, 0, 0]);
});
