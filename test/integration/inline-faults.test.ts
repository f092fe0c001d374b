import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { PluginStatus } from '../../host/ops/status';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS, type LogLine, type TestHost } from '../support/host';
import { lineOf, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask, each, handled } from '../support/story';

const THROWN = 'an error was thrown and nobody caught it';
const REJECTED = 'a promise was rejected and nobody handled it';
const EVENTS = 20;

/** Faults of plugins that nobody catches. The line of the fault has the word HERE, if the error can show it. */
interface LateFault {
  readonly body: string;
  readonly before?: string;
  readonly said: typeof THROWN | typeof REJECTED;
  readonly error: RegExp;
  /** Whether the fault occurs with each event, so that the handler is known. */
  readonly inHandler: boolean;
}

const handler = (body: string): string => `  @Subscribe()\n  handle(_: VideoWatchStarted): void {\n${body}\n  }`;
const quiet = handler('');

const LATE: Record<string, LateFault> = {
  RejectsInHandler: {
    body: handler(`    void Promise.reject(new TypeError('not awaited')); // HERE`),
    said: REJECTED,
    error: /TypeError: not awaited/,
    inHandler: true,
  },
  ThrowsInTimer: {
    body: handler(`    setTimeout(() => {\n      throw new RangeError('too late'); // HERE\n    });`),
    said: THROWN,
    error: /RangeError: too late/,
    inHandler: true,
  },
  EmitsError: {
    before: `import { EventEmitter } from 'node:events';`,
    body: handler(`    setTimeout(() => new EventEmitter().emit('error', new Error('unheard'))); // HERE`),
    said: THROWN,
    error: /Error: unheard/,
    inHandler: true,
  },
  ReadsNothing: {
    before: `import { createReadStream } from 'node:fs';`,
    body: handler(`    createReadStream('/nowhere');`),
    said: THROWN,
    error: /ENOENT/,
    inHandler: true,
  },
  ThrowsUndefined: {
    body: handler(`    setTimeout(() => { throw undefined; });`),
    said: THROWN,
    error: /thrown undefined/,
    inHandler: true,
  },
  ThrowsTraps: {
    body: handler(`    setTimeout(() => {
      const at = new Error('x');
      throw { name: 'Trap', message: 'm', stack: at.stack, get trap() { throw 1; }, toJSON() { throw 2; } }; // HERE-ISH
    });`),
    said: THROWN,
    error: /Trap: m/,
    inHandler: true,
  },
  RejectsInConstructor: {
    body: `  constructor() {
    setTimeout(async () => {
      throw new Error('no timer waits'); // HERE
    }, 10);
  }\n${quiet}`,
    said: REJECTED,
    error: /no timer waits/,
    inHandler: false,
  },
  RejectsInStart: {
    body: `  onStart(): void {
    void this.warmUp();
  }
  async warmUp(): Promise<void> {
    await null;
    throw new Error('not warm'); // HERE
  }\n${quiet}`,
    said: REJECTED,
    error: /not warm/,
    inHandler: false,
  },
  QueuesMicrotask: {
    body: `  constructor() {
    setImmediate(() => queueMicrotask(() => {
      throw new Error('between turns'); // HERE
    }));
  }\n${quiet}`,
    said: THROWN,
    error: /between turns/,
    inHandler: false,
  },
};

const FLOOD = pluginSource(
  'FloodPlugin',
  `  constructor() {
    setInterval(() => {
      throw new Error('again'); // HERE
    }, 1);
  }\n${quiet}`,
);

const BLOCKS = pluginSource(
  'BlocksPlugin',
  `  @Subscribe()
  atOnce(event: VideoWatchStarted): void {
    if (event.video_id === 'heavy') busy(1_500); // AT ONCE
  }
  @Subscribe()
  async afterAwait(event: VideoWatchStarted): Promise<void> {
    await new Promise((done) => setTimeout(done, 10));
    if (event.video_id === 'heavy-later') JSON.stringify({ toJSON: () => busy(1_500) }); // LATER
  }`,
  {
    before: `function busy(ms: number): void {
  const until = Date.now() + ms;
  while (Date.now() < until); // BUSY
}`,
  },
);

const ENDLESS = pluginSource(
  'EndlessPlugin',
  `  @Subscribe()
  handle(_: VideoWatchStarted): void {
    for (;;) {} // HERE
  }`,
);

const scene = new Scene();
const LATE_SOURCES = Object.fromEntries(
  Object.entries(LATE).map(([name, { body, before = '' }]) => [
    kebab(name),
    pluginSource(`${name}Plugin`, body, { before }),
  ]),
);
let folder: string;
let host: TestHost;
let nats: NatsConnection;

beforeAll(async () => {
  const sources = { ...LATE_SOURCES, flood: FLOOD, blocks: BLOCKS };
  folder = scene.folder(
    Object.fromEntries(Object.entries(sources).map(([name, source]) => [`${name}.plugin.ts`, source])),
  );
  const server = await scene.server();
  nats = await scene.client(server.url);
  host = await scene.host({ server, plugins: [STORY_PLUGINS, folder] });
}, 60_000);
afterAll(() => scene.end());

test('the other plugins handle everything', async () => {
  for (let i = 0; i < EVENTS; i++) watch(`v${i}`);
  await eventually(async () => expect(await handled(host)).toMatchObject(each(EVENTS)) === undefined);
});

describe.each(Object.entries(LATE))('%s', (name, { said, error, inHandler }) => {
  const plugin = kebab(name);
  const source = LATE_SOURCES[plugin]!;
  const expected = () => ({
    code: 'JP_PLUGIN_LATE_ERROR',
    ...(source.includes('// HERE\n') && { file: fileOf(plugin), line: lineOf(source, '// HERE') }),
  });

  test('the log names plugin, file and line, once', async () => {
    const lines = await eventually(() => {
      const own = host.logged(said).filter((line) => line['plugin'] === plugin);
      return own.length > 0 && own;
    });
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'error',
        error: expect.stringMatching(error),
        hint: expect.any(String),
        ...(inHandler && { handler: 'handle' }),
        ...expected(),
      }),
    ]);
  });

  test('each is counted', async () => {
    const count = inHandler ? EVENTS : 1;
    const own = await eventually(async () => {
      const { faults } = await status(plugin);
      return faults.lateErrors === count && faults;
    });
    expect(own).toMatchObject({ last: { message: expect.stringMatching(error), plugin, ...expected() } });
    expect(await metrics()).toContain(`jetplug_late_errors_total{plugin="${plugin}"} ${count}\n`);
  });
});

test('a fault that occurs a thousand times a second is counted each time, and logged once', async () => {
  await eventually(async () => (await status('flood')).faults.lateErrors > 1_000);
  expect(host.lines.filter(({ plugin, code }) => plugin === 'flood' && code !== undefined)).toEqual([
    expect.objectContaining({ msg: THROWN, file: fileOf('flood'), line: lineOf(FLOOD, '// HERE') }),
  ]);
});

test('`plugins NAME` shows the faults in its text output', async () => {
  const { stdout } = await jetplug(['plugins', 'throws-in-timer', '--servers', host.servers]);
  expect(stdout).toMatch(/faults +20 × an error that nobody caught.*too late.*throws-in-timer\.plugin\.ts:\d+/);
});

test.each([
  ['heavy', 'at-once'],
  ['heavy-later', 'after-await'],
])('a handler that keeps the event loop busy (%s) is named while it does', async (video, handler) => {
  watch(video);
  const mine = (line: LogLine): boolean => line['handler'] === handler;
  const [free] = await eventually(() => {
    const lines = host.logged('the event loop is free again').filter(mine);
    return lines.length > 0 && lines;
  });
  const blocked = { plugin: 'blocks', handler, file: fileOf('blocks'), line: lineOf(BLOCKS, '// BUSY') };
  expect(free).toMatchObject({ level: 'warn', ...blocked });
  expect(free!['blockedMs']).toBeGreaterThan(1_400);
  expect(host.logged('the event loop is blocked').filter(mine)).toEqual([
    expect.objectContaining({ level: 'error', code: 'JP_PLUGIN_BLOCKS', ...blocked }),
  ]);
});

test('blocks are counted', async () => {
  expect((await status('blocks')).faults).toMatchObject({
    lateErrors: 0,
    blocks: 2,
    last: { code: 'JP_PLUGIN_BLOCKS' },
  });
  expect(await metrics()).toContain('jetplug_event_loop_blocks_total{plugin="blocks"} 2\n');
});

test('the host lives, no run of a handler has failed, and all plugins run', async () => {
  expect((await fetch(`${host.url}/livez`)).status).toBe(200);
  const all = await ask(nats);
  expect(all.filter(({ state }) => state !== 'running')).toEqual([]);
  expect(all.flatMap(({ handlers }) => handlers).filter(({ failed }) => failed > 0)).toEqual([]);
  expect(host.noise).toEqual([]);
});

test('an endless loop is named, though it never ends', async () => {
  const server = await scene.server();
  const client = await scene.client(server.url);
  const stuck = scene.folder({ 'endless.plugin.ts': ENDLESS });
  const other = await scene.host({ server, plugins: [stuck] });
  client.publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id: 'v1' }));
  const [line] = await eventually(() => {
    // On a busy machine, the load of the plugin may block the event loop too.
    const lines = other.logged('the event loop is blocked').filter(({ handler }) => handler !== undefined);
    return lines.length > 0 && lines;
  });
  await other.kill();
  expect(line).toMatchObject({
    plugin: 'endless',
    handler: 'handle',
    file: join(stuck, 'endless.plugin.ts'),
    line: lineOf(ENDLESS, '// HERE'),
  });
});

function watch(video: string): void {
  nats.publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id: video }));
}

async function status(plugin: string): Promise<PluginStatus> {
  return (await ask(nats)).find((each) => each.plugin === plugin)!;
}

async function metrics(): Promise<string> {
  return (await fetch(`${host.url}/metrics`)).text();
}

function fileOf(plugin: string): string {
  return join(folder, `${plugin}.plugin.ts`);
}

function kebab(name: string): string {
  return name.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase();
}
