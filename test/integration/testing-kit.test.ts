/** The testing kit on a real server runs on the same services as the host. */
import { serverBackend } from '../../host/testing/server-backend';
import { configOf } from '../../host/testing/options';
import { RecordingLog } from '../../host/testing/recording-log';
import { TestClock } from '../../host/testing/test-clock';
import type { Backend } from '../../host/testing/backend';

const CONFIG = configOf({});
const SUBJECT = CONFIG.streams[0]!.subjects[0]!.replace('>', 'placed').replace('*', 'placed');

let backend: Backend;
beforeAll(async () => {
  backend = await serverBackend(CONFIG, new TestClock(), new RecordingLog());
});
afterAll(() => backend.stop());

test('the streams of the config are created, and handlers cannot be on the stream of dead letters', () => {
  expect(backend.streams.map(({ name, change }) => [name, change])).toEqual(
    CONFIG.streams.map(({ name }) => [name, 'created']),
  );
});

test('events are published with the shortest duplicate window, and their ids can be found', async () => {
  expect(backend.outgoing.dropsRepeatsMs).toBe(Math.min(...CONFIG.streams.map((each) => each.duplicateWindowMs)));
  const event = { id: 'e1', subject: SUBJECT, payload: '{}', headers: {} };
  expect(await backend.outgoing.send(event)).toMatchObject({ duplicate: false });
  expect(await backend.outgoing.send(event)).toMatchObject({ duplicate: true });
  expect([...(await backend.outgoing.idsSince(SUBJECT, Date.now() - 60_000))]).toEqual(['e1']);
});

test('an event that is deferred notifies its handler', async () => {
  const notified = new Promise<void>((resolve) => backend.retryNotifier.on('shop', 'take', resolve));
  await backend.retryQueue.defer({
    plugin: 'shop',
    handler: 'take',
    origin: { stream: CONFIG.streams[0]!.name, sequence: 1, storedAtMs: 0 },
    subject: SUBJECT,
    payload: Buffer.from('{}'),
    headers: {},
    dueAtMs: Date.now(),
    past: { failures: 0 },
    pass: '1',
  });
  await notified;
});

test('records, stores and dead letters are on the server', async () => {
  await backend.records.put('k', '1');
  expect((await backend.records.get('k'))?.value).toBe('1');
  const { bucket, leave } = await backend.broker.openStore('shop');
  await bucket.put('k', '2');
  expect((await (await backend.broker.findStore('shop'))?.get('k'))?.value).toBe('2');
  leave();
  expect(await backend.letters()).toEqual([]);
});
