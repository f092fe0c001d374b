import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { STORY_CONFIG } from '../support/host';
import { natsServerBinary } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { onTerminal } from '../support/terminal';

/** Writes a file when it is stopped gracefully. */
const FAILS = pluginSource(
  'FailsPlugin',
  `  @Subscribe('video.fails', { retry: { attempts: 1 } })
  handle() {
    throw new TypeError('no ML', { cause: new Error('connect ECONNREFUSED') });
  }
  onStop() { writeFileSync('stopped', ''); }`,
  { before: `import { writeFileSync } from 'node:fs';` },
);

const scene = new Scene();
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  env = { JETPLUG_NATS_EMBEDDED_BINARY: await natsServerBinary() };
});
afterAll(() => scene.end());

const ARGS = ['start', '--nats-port', '0', '--data', 'data', '--http', '', '--plugins', 'plugins'];

test('on a terminal an event is one line, with short causes and the author’s line', async () => {
  const folder = scene.folder({ ...STORY_CONFIG, 'plugins/fails.plugin.ts': FAILS });
  const terminal = onTerminal(ARGS, folder, env);
  const url = await eventually(() => /nats:\/\/127.0.0.1:\d+(?= {2}embedded)/.exec(terminal.screen())?.[0], 20_000);
  const client = await scene.client(url);
  client.publish('video.fails', '{}');
  const line = await eventually(() =>
    terminal
      .screen()
      .split('\n')
      .find((each) => each.includes('dead-lettered')),
  );
  expect(line).toMatch(
    /^\d\d:\d\d:\d\d ERROR fails.handle an event is dead-lettered: TypeError: no ML ← connect ECONNREFUSED at plugins.fails\.plugin\.ts:\d+ subject=video.fails/,
  );
  await client.close();
  terminal.interrupt();
  expect(await terminal.ended).toBe(0);
  expect(terminal.screen()).not.toMatch(/^ +at /m);
  expect(terminal.screen()).toMatch(/stopping signal=SIGINT\n[\d:]+ INFO {2}stopped\n/);
});

test('closing the terminal stops the host gracefully, though it can print nothing', async () => {
  const folder = scene.folder({ ...STORY_CONFIG, 'plugins/fails.plugin.ts': FAILS });
  const terminal = onTerminal([...ARGS, '--verbose'], folder, env);
  await eventually(() => terminal.screen().includes('plugins running'), 20_000);
  const lock = join(folder, 'data', 'lock');
  expect(existsSync(lock)).toBe(true);
  terminal.close();
  await terminal.ended;
  await eventually(() => existsSync(join(folder, 'stopped')));
  await eventually(() => !existsSync(lock));
});

test('a server that does not answer is reported in short lines', async () => {
  const folder = scene.folder({ ...STORY_CONFIG, 'plugins/fails.plugin.ts': FAILS });
  const terminal = onTerminal(
    ['start', '--servers', 'nats://127.0.0.1:1', '--http', '', '--plugins', 'plugins'],
    folder,
  );
  const line = await eventually(
    () =>
      terminal
        .screen()
        .split('\n')
        .find((each) => each.includes('WARN')),
    20_000,
  );
  expect(line).toMatch(/^\d\d:\d\d:\d\d WARN {2}waiting for the NATS server: .*127\.0\.0\.1:1/);
  terminal.interrupt();
  expect(await terminal.ended).toBe(0);
  expect(terminal.screen()).not.toMatch(/^ +at /m);
});
