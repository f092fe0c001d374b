import type { JetStreamManager, NatsConnection } from 'nats';
import type { OutgoingEvent } from '../../host/broker/ports';
import { connectEventBus, type ConnectedEventBus } from '../../host/client';
import { Connection } from '../../host/nats/connection';
import { Publisher, type PublisherOptions } from '../../host/nats/publisher';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';
import type { TcpProxy } from '../support/tcp-proxy';

const EVENTS = 200;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let proxy: TcpProxy;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  await jsm.streams.add({ name: 'EVENTS', subjects: ['video.>'] });
  proxy = await scene.proxy(server);
});
afterEach(async () => {
  proxy.heal();
  await Promise.all(opened.splice(0).map((one) => one.close()));
  // The test's own connection may still be reconnecting.
  await eventually(() => nats.rtt());
  await jsm.streams.purge('EVENTS');
});
afterAll(() => scene.end());

async function bus(): Promise<ConnectedEventBus> {
  const connected = await connectEventBus({ servers: proxy.url });
  opened.push(connected);
  return connected;
}

async function publisher(options: PublisherOptions = {}): Promise<{ connection: Connection; publisher: Publisher }> {
  const connection = await Connection.open({ servers: [proxy.url], name: 'test' });
  opened.push(connection);
  return { connection, publisher: Publisher.start(connection, options) };
}

const event = (id: string): OutgoingEvent => ({ id, subject: 'video.x', payload: '{}', headers: {} });
const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `e${n}`);

async function storedIds(): Promise<string[]> {
  const { state } = await jsm.streams.info('EVENTS');
  const stored: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++)
    stored.push((await jsm.streams.getMessage('EVENTS', { seq })).header.get('Nats-Msg-Id'));
  return stored.sort();
}

test('events that are published while the server is down are stored when it is back, each once', async () => {
  const events = await bus();
  await server.kill();
  const published = ids(EVENTS).map((id) => events.publish('video.x', {}, { id }));
  await server.restart();
  expect(await Promise.all(published)).toEqual(ids(EVENTS));
  expect(await eventually(storedIds)).toEqual(ids(EVENTS).sort());
});

test('an event whose answer is lost is sent again under its id: stored once, and not reported as another publisher’s', async () => {
  const { publisher: one } = await publisher();
  proxy.swallow('down');
  const answer = one.send(event('unanswered'));
  await eventually(async () => (await storedIds()).length === 1);
  proxy.heal();
  proxy.cut();
  expect(await answer).toMatchObject({ duplicate: false });
  expect(await storedIds()).toEqual(['unanswered']);
  expect(await one.send(event('unanswered'))).toMatchObject({ duplicate: true });
});

test('an event that is in flight when the connection breaks is stored, well before a request would time out', async () => {
  const { publisher: one } = await publisher();
  proxy.swallow('up');
  const sentAtMs = performance.now();
  const answer = one.send(event('swallowed'));
  await new Promise((resolve) => setImmediate(resolve));
  proxy.heal();
  proxy.cut();
  expect(await answer).toMatchObject({ duplicate: false });
  expect(performance.now() - sentAtMs).toBeLessThan(3_000);
  expect(await storedIds()).toEqual(['swallowed']);
});

describe('while the server stays away', () => {
  async function lost(options: PublisherOptions): Promise<Publisher> {
    const { connection, publisher: one } = await publisher(options);
    await server.kill();
    await eventually(() => !connection.connected);
    return one;
  }

  test('a publish fails at its timeout, and reports how long it waited and for which server', async () => {
    const one = await lost({ patienceMs: 300 });
    const startedAtMs = performance.now();
    await expect(one.send(event('late'))).rejects.toMatchObject({
      code: 'JP_PUBLISH_FAILED',
      message: expect.stringMatching(
        /^video\.x was not stored: it waited 0\.\d s for the NATS server 127\.0\.0\.1:\d+, which has been gone for \d+\.\d s$/,
      ) as string,
    });
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(290);
    await server.restart();
  });

  test('publishes above the limit fail at once with a code of their own, and those that wait are stored', async () => {
    const one = await lost({ maxWaiting: 3 });
    const waiting = ids(3).map((id) => one.send(event(id)));
    await expect(one.send(event('one too many'))).rejects.toMatchObject({
      code: 'JP_PUBLISH_BACKLOG',
      message: expect.stringMatching(/gone for \d+\.\d s, and 3 events wait for it already$/) as string,
    });
    await server.restart();
    await Promise.all(waiting);
    expect(await eventually(storedIds)).toEqual(ids(3));
  });

  test('closing the connection ends the waiting', async () => {
    const one = await lost({});
    const failed = expect(one.send(event('never'))).rejects.toMatchObject({
      code: 'JP_PUBLISH_FAILED',
      message: expect.stringContaining('the connection was closed before the NATS server came back') as string,
    });
    await opened.pop()!.close();
    await failed;
    await server.restart();
  });
});

test('a repeat that the stream might not recognise is not sent: the publish fails with the reason', async () => {
  const { publisher: one } = await publisher({ dropsRepeatsMs: 200 });
  proxy.swallow('down');
  const answer = expect(one.send(event('unsure'))).rejects.toMatchObject({
    code: 'JP_PUBLISH_FAILED',
    message: expect.stringContaining(
      'may not be stored (its answer was lost; publish it again under its id unsure)',
    ) as string,
  });
  await eventually(async () => (await storedIds()).length === 1);
  await server.kill();
  await answer;
  await server.restart();
});

test('a subject without a stream fails at once; one whose stream is only unavailable waits for it', async () => {
  const { publisher: one } = await publisher({ streams: [{ name: 'USERS', subjects: ['user.x'] }] });
  const elsewhere = { ...event('a'), subject: 'payments.made' };
  await expect(one.send(elsewhere)).rejects.toMatchObject({ code: 'JP_PUBLISH_NO_STREAM' });
  const waiting = one.send({ ...event('b'), subject: 'user.x' });
  await jsm.streams.add({ name: 'USERS', subjects: ['user.>'] });
  expect(await waiting).toMatchObject({ duplicate: false });
});
