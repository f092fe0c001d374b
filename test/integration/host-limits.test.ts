import { eventually } from '../support/eventually';
import { parsePrometheus } from '../support/prometheus';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const MAX_CALLS = 3;
const MAX_BYTES = 1_048_576;
const PAYLOAD = 100_000;
const EVENTS = 60;

/** Handles slowly, and logs how many events have been handled before this one. */
const slow = (name: string, subject: string): string =>
  pluginSource(
    `${name}Plugin`,
    `  private handled = 0;
  @Subscribe('${subject}', { from: 'beginning', concurrency: 16 })
  async handle(_event: any, context: EventContext) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    context.log.info('handled', { by: '${name}', before: this.handled++ });
  }`,
  );

const scene = new Scene();
afterAll(() => scene.end());

test('a host keeps its limits of calls and of memory under load, handles every event once, and starves no handler', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const host = await scene.host({
    server,
    plugins: [scene.folder({ 'many.plugin.ts': slow('Many', 'video.many'), 'few.plugin.ts': slow('Few', 'video.few') })],
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
  const calls: number[] = [];
  const bytes: number[] = [];
  while (logged('Many').length < EVENTS) {
    calls.push(await figure('jetplug_running_calls'));
    bytes.push(await figure('jetplug_buffered_bytes'));
  }
  await eventually(() => logged('Few').length === 1);
  expect(Math.max(...calls)).toBeLessThanOrEqual(MAX_CALLS);
  // What the server has sent by then arrives too, so the host may hold more for a moment.
  expect(Math.max(...bytes)).toBeLessThanOrEqual(4 * MAX_BYTES);
  expect(Math.max(...bytes)).toBeGreaterThan(0);
  await eventually(async () => (await figure('jetplug_buffered_bytes')) === 0);
  expect(await figure('jetplug_running_calls')).toBe(0);
  expect(logged('Many')).toHaveLength(EVENTS);
  expect(host.logged('handled')).toHaveLength(EVENTS + 1);
});
