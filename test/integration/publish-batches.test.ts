import type { JetStreamManager } from 'nats';
import type { OutgoingEvent } from '../../host/broker/ports';
import { Bucket } from '../../host/nats/bucket';
import type { Connection } from '../../host/nats/connection';
import { Publisher } from '../../host/nats/publisher';
import { Scene } from '../support/scene';

const EVENTS = 1_000;

const scene = new Scene();
let jsm: JetStreamManager;
let connection: Connection;

beforeAll(async () => {
  const server = await scene.server();
  jsm = await (await scene.client(server.url)).jetstreamManager();
  connection = await scene.connection(server);
});
afterAll(() => scene.end());

/** A publisher to a stream of that name, which takes batches as far as the publisher knows. */
async function publisherTo(name: string, settings: object): Promise<Publisher> {
  await jsm.streams.add({ name, subjects: [`${name}.>`], ...settings });
  return Publisher.start(connection, { streams: [{ name, subjects: [`${name}.>`], takesBatches: true }] });
}

const event = (stream: string, n: number): OutgoingEvent => ({
  id: `e${n}`,
  subject: `${stream}.${n % 7}`,
  payload: `{"n":${n}}`,
  headers: { 'x-n': String(n) },
});
const publishAll = (publisher: Publisher, stream: string): Promise<{ duplicate: boolean }[]> =>
  Promise.all(Array.from({ length: EVENTS }, (_, n) => publisher.send(event(stream, n))));

/** The batches that the stored events were in; an event outside of a batch counts as one of its own. */
async function batchesOf(stream: string): Promise<Map<string, number>> {
  const batches = new Map<string, number>();
  for (let seq = 1; seq <= EVENTS; seq++) {
    const { header } = await jsm.streams.getMessage(stream, { seq });
    const batch = header.get('Nats-Batch-Id') || `single ${seq}`;
    batches.set(batch, (batches.get(batch) ?? 0) + 1);
  }
  return batches;
}

test('many events are stored in batches, each once, with their own id, subject, payload and headers', async () => {
  const publisher = await publisherTo('batches', { allow_atomic: true });
  expect((await publishAll(publisher, 'batches')).every(({ duplicate }) => !duplicate)).toBe(true);
  expect([...(await batchesOf('batches')).values()]).toEqual([500, 500]);
  const { subject, data, header } = await jsm.streams.getMessage('batches', { seq: 500 });
  expect([subject, Buffer.from(data).toString(), header.get('x-n'), header.get('Nats-Msg-Id')]).toEqual([
    'batches.2',
    '{"n":499}',
    '499',
    'e499',
  ]);
});

test('a batch with an event that the stream has already is sent again one by one, and the event is dropped', async () => {
  const publisher = await publisherTo('repeats', { allow_atomic: true });
  await publisher.send(event('repeats', 3));
  const sent = await publishAll(publisher, 'repeats');
  expect(sent.map(({ duplicate }, n) => (duplicate ? n : -1)).filter((n) => n >= 0)).toEqual([3]);
  expect((await jsm.streams.info('repeats')).state.messages).toBe(EVENTS);
});

test('the values of a bucket that are written in a batch have the revisions that the writes return', async () => {
  const store = { maxBytes: -1, historyMs: 60_000, logMaxBytes: -1 };
  const config = { deploy: { name: 'jetplug', allowDataLoss: false }, streams: [], store };
  const bucket = await Bucket.open(connection, 'many', config);
  const revisions = await Promise.all(Array.from({ length: EVENTS }, (_, n) => bucket.put(`key-${n}`, `${n}`, 0)));
  const second = await Promise.all(revisions.map((revision, n) => bucket.put(`key-${n}`, `${n}!`, revision)));
  for (const n of [0, 1, 499, 500, 999]) {
    expect(await bucket.get(`key-${n}`)).toEqual({ value: `${n}!`, revision: second[n] });
  }
  expect(new Set(second).size).toBe(EVENTS);
});

test('a stream that takes no batches any more gets the events one by one', async () => {
  const publisher = await publisherTo('none', {});
  await publishAll(publisher, 'none');
  await publishAll(publisher, 'none');
  expect((await batchesOf('none')).size).toBe(EVENTS);
});
