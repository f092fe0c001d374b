import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { parsePrometheus } from '../support/prometheus';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const MAX_CALLS = 3;
const MAX_BYTES = 1_048_576;
const PAYLOAD = 100_000;
const EVENTS = 60;

/** Its calls end when the folder has the file `released`. */
const blocked = (name: string, subject: string, folder: string): string =>
  pluginSource(
    `${name}Plugin`,
    `  @Subscribe('${subject}', { from: 'beginning', concurrency: 16 })
  async handle(_event: any, context: EventContext) {
    while (!existsSync('${folder}/released')) await new Promise((resolve) => setTimeout(resolve, 10));
    context.log.info('handled', { by: '${name}' });
  }`,
    { before: `import { existsSync } from 'node:fs';\n` },
  );

const scene = new Scene();
afterAll(() => scene.end());

test('a host keeps its limits of calls and of memory under load, handles every event once, and starves no handler', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const folder = scene.folder();
  const many = blocked('Many', 'video.many', folder);
  const few = blocked('Few', 'video.few', folder);
  const host = await scene.host({
    server,
    plugins: [scene.folder({ 'many.plugin.ts': many, 'few.plugin.ts': few })],
    config: { delivery: { maxConcurrent: MAX_CALLS, maxBufferedBytes: MAX_BYTES } },
  });
  const figure = async (name: string): Promise<number> => {
    const metrics = parsePrometheus(await (await fetch(`${host.url}/metrics`)).text());
    return metrics.get(name)!.samples[0]!.value;
  };
  expect(await figure('jetplug_running_calls_limit')).toBe(MAX_CALLS);
  expect(await figure('jetplug_buffered_bytes_limit')).toBe(MAX_BYTES);

  const payload = JSON.stringify({ text: 'x'.repeat(PAYLOAD) });
  const js = nats.jetstream();
  for (let n = 0; n < EVENTS; n++) await js.publish('video.many', payload);
  await js.publish('video.few', '{}');
  const logged = (by: string) => host.logged('handled').filter((line) => line['by'] === by);
  await eventually(async () => (await figure('jetplug_buffered_bytes')) >= MAX_BYTES);
  expect(await figure('jetplug_running_calls')).toBe(MAX_CALLS);
  // Events that the server has sent by then arrive too, so the host holds somewhat more.
  expect(await figure('jetplug_buffered_bytes')).toBeLessThan(2 * MAX_BYTES);
  expect(host.logged('handled')).toEqual([]);

  writeFileSync(join(folder, 'released'), '');
  await eventually(() => logged('Many').length === EVENTS && logged('Few').length === 1);
  await eventually(async () => (await figure('jetplug_buffered_bytes')) === 0);
  expect(await figure('jetplug_running_calls')).toBe(0);
  expect(host.logged('handled')).toHaveLength(EVENTS + 1);
});
