import { headers as natsHeaders, type NatsConnection } from 'nats';
import { startCollector, type Collector, type ReceivedSpan } from '../support/collector';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const ORDERS = pluginSource(
  'OrdersPlugin',
  `  constructor(private readonly events: EventBus) {}
  @Subscribe('video.ordered')
  async take({ user }: any) {
    await this.events.publish('badge.paid', { user });
  }`,
);
const billing = (url: string): string =>
  pluginSource(
    'BillsPlugin',
    `  constructor(private readonly events: EventBus) {}
  @Subscribe('badge.*')
  async send({ user }: any) {
    await fetch('${url}/bill');
    await this.events.publish('ranking.billed', { user });
  }`,
  );
const archive = (url: string): string =>
  pluginSource(
    'ArchivePlugin',
    `  @Subscribe('ranking.billed')
  async keep() {
    await fetch('${url}/keep');
  }`,
    { options: `{ isolation: 'process' }` },
  );
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const ORIGIN = 'b7ad6b7169203331';
const CLIENT = 3;
const PRODUCER = 4;
const CONSUMER = 5;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let collector: Collector;
let host: TestHost;

const exporting = (url: string): NodeJS.ProcessEnv => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_EXPORTER_OTLP_TIMEOUT: '500',
  OTEL_BSP_SCHEDULE_DELAY: '50',
  OTEL_METRIC_EXPORT_INTERVAL: '600',
  OTEL_METRIC_EXPORT_TIMEOUT: '500',
});

const span = (name: string): ReceivedSpan => {
  const found = collector.spans.filter((each) => each.name === name);
  expect(found).toHaveLength(1);
  return found[0]!;
};

const publish = async (id: string, traceparent?: string): Promise<void> => {
  const headers = natsHeaders();
  if (traceparent !== undefined) headers.set('traceparent', traceparent);
  await nats.jetstream().publish('video.ordered', JSON.stringify({ user: 'u1', event_id: id }), { headers });
};

beforeAll(async () => {
  collector = await startCollector();
  server = await scene.server();
  nats = await scene.client(server.url);
  const plugins = scene.folder({
    'orders.plugin.ts': ORDERS,
    'bills.plugin.ts': billing(collector.url),
    'archive.plugin.ts': archive(collector.url),
  });
  host = await scene.host({
    server,
    plugins: [plugins],
    env: { ...exporting(collector.url), OTEL_SERVICE_NAME: 'shop' },
  });
  await publish('order-1', `00-${TRACE}-${ORIGIN}-01`);
  await eventually(() => collector.spans.some(({ name }) => name === 'ack ranking.billed'));
});
afterAll(async () => {
  await scene.end();
  await collector.stop();
});

test('one trace runs from the publisher through three handlers, one of them in its own process', () => {
  const chain = [
    'process video.ordered',
    'send badge.paid',
    'process badge.*',
    'send ranking.billed',
    'process ranking.billed',
  ];
  const spans = chain.map(span);
  expect(spans.map(({ kind }) => kind)).toEqual([CONSUMER, PRODUCER, CONSUMER, PRODUCER, CONSUMER]);
  expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([
    ORIGIN,
    ...spans.slice(0, -1).map(({ spanId }) => spanId),
  ]);
  expect(spans.map(({ statusCode }) => statusCode)).toEqual(chain.map(() => undefined));
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  const calls = spans.filter(({ kind }) => kind === CONSUMER);
  expect(calls.map(({ links }) => links)).toEqual(calls.map(({ parentSpanId }) => [parentSpanId]));
});

test('the settlement of each event is a span beneath that of its call', () => {
  for (const subject of ['video.ordered', 'badge.*', 'ranking.billed'])
    expect(span(`ack ${subject}`)).toMatchObject({ kind: CLIENT, parentSpanId: span(`process ${subject}`).spanId });
  expect(collector.spans).toHaveLength(8);
});

test('the spans have the attributes of the conventions', () => {
  const system = { 'messaging.system': 'nats' };
  const bills = { 'jetplug.plugin': 'bills', 'jetplug.handler': 'send' };
  const consumed = {
    ...{ ...system, ...bills },
    'messaging.consumer.group.name': 'bills-send',
    'messaging.destination.name': 'badge.paid',
    'messaging.destination.template': 'badge.*',
    'messaging.message.conversation_id': 'order-1',
    'messaging.message.id': span('send badge.paid').attributes['messaging.message.id'],
    'jetplug.attempt': 1,
  };
  expect(span('process badge.*').attributes).toEqual({
    ...consumed,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'jetplug.outcome': 'handled',
  });
  expect(span('ack badge.*').attributes).toEqual({
    ...consumed,
    'messaging.operation.name': 'ack',
    'messaging.operation.type': 'settle',
  });
  expect(span('send ranking.billed').attributes).toEqual({
    ...{ ...system, ...bills },
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'ranking.billed',
    'messaging.message.conversation_id': 'order-1',
    'messaging.message.id': span('process ranking.billed').attributes['messaging.message.id'],
  });
  expect(collector.resource).toMatchObject({ 'service.name': 'shop' });
  expect(Object.keys(collector.resource)).not.toContain('process.command_args');
});

test('an HTTP request of a handler continues the trace of its call', () => {
  expect(collector.others.map(({ traceparent }) => traceparent)).toEqual([
    `00-${TRACE}-${span('process badge.*').spanId}-01`,
    `00-${TRACE}-${span('process ranking.billed').spanId}-01`,
  ]);
});

test('the metrics of the conventions and the gauges of each handler are exported', async () => {
  const gauge = { 'jetplug.plugin': 'orders', 'jetplug.handler': 'take' };
  const operation = (name: string, type: string): object => ({
    'messaging.system': 'nats',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
  });
  const group = { 'messaging.consumer.group.name': 'orders-take', 'messaging.destination.template': 'video.ordered' };
  const point = (metric: string, attributes: object): Promise<object> =>
    eventually(() =>
      collector.metrics
        .get(metric)
        ?.find((each) => Object.entries(attributes).every(([name, value]) => each[name] === value)),
    );
  const process = { ...operation('process', 'process'), ...group, ...gauge };
  for (const metric of ['messaging.client.consumed.messages', 'messaging.process.duration'])
    expect(await point(metric, process)).toEqual({ ...process, value: 1 });
  const send = { ...operation('send', 'send'), ...gauge };
  const ack = { ...operation('ack', 'settle'), ...group, ...gauge };
  expect(await point('messaging.client.sent.messages', send)).toEqual({ ...send, value: 1 });
  for (const operated of [send, ack])
    expect(await point('messaging.client.operation.duration', operated)).toEqual({ ...operated, value: 1 });
  for (const metric of ['jetplug.handler.pending', 'jetplug.handler.in_flight', 'jetplug.handler.lag'])
    // The first export may have come while the event was in flight.
    expect(await point(metric, { ...gauge, value: 0 })).toEqual({ ...gauge, value: 0 });
});

test('all handlers of an event without a context are in one trace', async () => {
  const before = collector.spans.length;
  await publish('order-2');
  await eventually(() => collector.spans.length >= before + 8);
  const later = collector.spans.slice(before);
  expect(new Set(later.map(({ traceId }) => traceId)).size).toBe(1);
  expect(later.filter(({ parentSpanId }) => parentSpanId === undefined).map(({ name }) => name)).toEqual([
    'process video.ordered',
  ]);
});

test('a host that stops exports the last spans first', async () => {
  const before = collector.spans.length;
  await publish('order-3');
  await allSettled(await nats.jetstreamManager(), ['EVENTS'], 10_000);
  expect(await host.stop()).toBe(0);
  expect(collector.spans.slice(before)).toHaveLength(8);
  expect(host.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
});

test('a collector that cannot be reached delays nothing, and is logged in one line', async () => {
  const away = await scene.host({
    server,
    plugins: [scene.folder({ 'orders.plugin.ts': ORDERS })],
    env: exporting('http://127.0.0.1:1'),
  });
  await eventually(() => away.logged('OpenTelemetry reported a problem').length > 0);
  const startMs = performance.now();
  expect(await away.stop()).toBe(0);
  expect(performance.now() - startMs).toBeLessThan(5_000);
  const warnings = away.lines.filter(({ level }) => level === 'warn' || level === 'error');
  expect(warnings.map(({ msg }) => msg)).toEqual(['OpenTelemetry reported a problem']);
  expect(warnings[0]!['error']).toContain('ECONNREFUSED');
});

test('without the variables none of the SDK is loaded', async () => {
  const plugin = pluginSource(
    'LookPlugin',
    `  constructor(private readonly log: Logger) {}
  onStart() {
    const loaded = Object.keys((Module as any)._cache).filter((file) => /@opentelemetry.(sdk|exporter)|host.telemetry/.test(file));
    this.log.info('loaded', { loaded });
  }
  @Subscribe('video.looked')
  look() {}`,
    { before: "import Module from 'node:module';" },
  );
  const plain = await scene.host({ server, plugins: [scene.folder({ 'look.plugin.ts': plugin })] });
  expect(plain.logged('loaded').map(({ loaded }) => loaded)).toEqual([
    [expect.stringMatching(/host.telemetry.wanted\.js$/)],
  ]);
});
