/** A debugger attaches to `jetplug debug`, and stops at the first line of the handler and at a breakpoint in its .ts file. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { SourceMap } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { MAIN, plainEnv, STORY_CONFIG } from '../support/host';
import { InspectorClient } from '../support/inspector-client';
import { isAlive } from '../support/is-alive';
import type { TestServer } from '../support/nats-server';
import { pluginSource, lineOf } from '../support/plugin-source';
import { Scene } from '../support/scene';

const COUNTER = pluginSource(
  'CounterPlugin',
  `  constructor(private readonly counts: Store<number>) {}

  @Subscribe('video.counted', { timeout: '50ms' })
  async count({ user }: Fields) {
    const before: number | undefined = await this.counts.get(user);
    const next: number = (before ?? 0) + 1;
    await this.counts.update(user, () => next); // HERE
  }`,
  { before: 'interface Fields { user: string }\n' },
);

interface Frame {
  readonly callFrameId: string;
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number };
}

interface Debugged {
  readonly child: ChildProcess;
  readonly output: { out: string; err: string };
  readonly client: InspectorClient;
}

const scene = new Scene();
let server: TestServer;
let plugins: string;

beforeAll(async () => {
  server = await scene.server();
  plugins = scene.folder({ ...STORY_CONFIG, 'counter.plugin.ts': COUNTER });
  const host = await scene.host({ server, plugins: [plugins] });
  await host.stop();
  const nats = await scene.client(server.url);
  await nats.jetstream().publish('video.counted', JSON.stringify({ user: 'u1', event_id: 'first' }));
});
afterAll(() => scene.end());

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends) await end();
  ends = [];
});

/** Starts the command, waits for its address, and attaches to it. */
async function attached(): Promise<Debugged> {
  const args = ['debug', 'first', '--plugin', 'counter', '--json', '--inspect=127.0.0.1:0'];
  const child = spawn(process.execPath, [MAIN, ...args, '--plugins', plugins, '--servers', server.url], {
    cwd: plugins,
    env: plainEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = new Promise((resolve) => child.once('close', resolve));
  ends.push(() => child.kill('SIGKILL') && gone);
  const output = { out: '', err: '' };
  child.stdout.on('data', (text: Buffer) => (output.out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output.err += text.toString()));
  const port = (): string | undefined => /listens on 127\.0\.0\.1:(\d+);/.exec(output.err)?.[1];
  await eventually(() => port() !== undefined || child.exitCode !== null, 30_000);
  if (port() === undefined) throw new Error(output.err);
  const client = await InspectorClient.attach(Number(port()));
  ends.push(() => client.close());
  await client.send('Debugger.enable');
  return { child, output, client };
}

const frameOf = (paused: Record<string, unknown>): Frame => (paused['callFrames'] as Frame[])[0]!;

test('a debugger stops at the first line of the handler and at a breakpoint of the .ts file', async () => {
  const { child, output, client } = await attached();
  const file = join(plugins, 'counter.plugin.ts');
  const script = client.events.find(({ method, params }) => {
    return method === 'Debugger.scriptParsed' && params['url'] === pathToFileURL(file).href;
  })!.params;
  const map = new SourceMap(
    JSON.parse(Buffer.from((script['sourceMapURL'] as string).split('base64,')[1]!, 'base64').toString()) as never,
  );
  expect(map.payload).toMatchObject({ sources: [file], sourcesContent: [COUNTER] });
  const lineIn = ({ location }: Frame): number => {
    const entry = map.findEntry(location.lineNumber, location.columnNumber);
    return 'originalLine' in entry ? entry.originalLine + 1 : 0;
  };
  await client.send('Runtime.runIfWaitingForDebugger');

  const first = frameOf(await client.event('Debugger.paused'));
  expect([first.functionName, lineIn(first)]).toEqual(['count', lineOf(COUNTER, 'const before')]);

  // The timeout of the handler and several of the host's checks for it pass.
  const pausedAtMs = performance.now();
  await eventually(() => performance.now() - pausedAtMs > 500);

  const wanted = lineOf(COUNTER, '// HERE');
  const { scriptId } = first.location;
  const { locations } = await client.send<{ locations: Frame['location'][] }>('Debugger.getPossibleBreakpoints', {
    start: { scriptId, lineNumber: first.location.lineNumber },
  });
  const location = locations.find((one) => lineIn({ ...first, location: one }) === wanted);
  await client.send('Debugger.setBreakpoint', { location });
  await client.send('Debugger.resume');
  const second = frameOf(await client.event('Debugger.paused', 2));
  expect([second.functionName, lineIn(second)]).toEqual(['count', wanted]);
  const { callFrameId } = second;
  const seen = await client.send('Debugger.evaluateOnCallFrame', {
    callFrameId,
    expression: '[user, before, next]+""',
  });
  expect(seen).toMatchObject({ result: { value: 'u1,,1' } });
  await client.send('Debugger.resume');

  await eventually(() => child.exitCode !== null, 20_000);
  expect([child.exitCode, JSON.parse(output.out)]).toMatchObject([
    0,
    { outcome: 'handled', changes: [{ key: 'u1', after: { value: 1 } }] },
  ]);
});

test('the process that waits for a debugger ends with the command', async () => {
  const { child, client } = await attached();
  const { result } = await client.send<{ result: { value: number } }>('Runtime.evaluate', {
    expression: 'process.pid',
  });
  expect(isAlive(result.value)).toBe(true);
  child.kill('SIGKILL');
  await eventually(() => !isAlive(result.value), 20_000);
});

test('an address that is in use is explained', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const args = ['debug', 'first', '--plugin', 'counter', '--json', `--inspect=${port}`];
  const { code, stderr } = await jetplug([...args, '--plugins', plugins, '--servers', server.url]);
  taken.close();
  // Node.js writes a line of its own first.
  expect([code, JSON.parse(stderr.trim().split('\n').at(-1)!)]).toMatchObject([1, { code: 'JP_INSPECTOR_LISTEN' }]);
});
