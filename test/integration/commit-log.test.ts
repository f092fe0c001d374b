import type { JetStreamManager, NatsConnection } from 'nats';
import { Bucket } from '../../host/nats/bucket';
import { JetStreamLog } from '../../host/nats/commit-log';
import { Connection } from '../../host/nats/connection';
import { StreamKeeper } from '../../host/nats/stream-keeper';
import { logStreamName, logSubject, logTailSubject } from '../../host/nats/wanted-streams';
import { Conflict } from '../../host/records/key-value';
import type { LoggedCommit } from '../../host/records/commits/commit-log';
import { eventually } from '../support/eventually';
import { freePort } from '../support/free-port';
import type { TestServer } from '../support/nats-server';
import { publishRaw } from '../support/raw-nats';
import { Scene } from '../support/scene';
import { TcpProxy } from '../support/tcp-proxy';

const CONFIG = {
  deploy: { name: 'jetplug', allowDataLoss: false },
  store: { maxBytes: -1, historyMs: 1e9, logMaxBytes: -1 },
  streams: [],
};

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;
let plugins = 0;
let plugin: string;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  connection = await scene.connection(server);
});
beforeEach(() => {
  plugin = `shop-${++plugins}`;
});
afterAll(() => scene.end());

const open = (above?: number): Promise<JetStreamLog> => JetStreamLog.open(connection, plugin, CONFIG, above);

test('a log that does not exist is not found, and one that exists is', async () => {
  expect(await JetStreamLog.find(connection, plugin)).toBeUndefined();
  await (await open()).append('a', 0);
  const found = await JetStreamLog.find(connection, plugin);
  expect(await found?.readAfter(0)).toEqual([{ position: 1, text: 'a', storedAtMs: expect.any(Number) }]);
});

test('a log is opened again with its commits, and its size limit follows the config', async () => {
  await (await open(7)).append('a', 7);
  const log = await JetStreamLog.open(
    connection,
    plugin,
    { ...CONFIG, store: { ...CONFIG.store, logMaxBytes: 4_096 } },
    99,
  );
  expect(await log.bounds()).toMatchObject({ first: 8, last: 8 });
  await expect(log.append('x'.repeat(5_000), 8)).rejects.toMatchObject({ code: 'JP_STORE_FULL' });
});

test('a stream of another program with the log’s name is refused and stays as it is', async () => {
  const name = logStreamName(plugin);
  const { config } = await jsm.streams.add({ name, subjects: ['theirs'] });
  await expect(open()).rejects.toMatchObject({ code: 'JP_STREAM_FOREIGN', hint: expect.stringContaining('@Plugin') });
  expect((await jsm.streams.info(name)).config).toEqual(config);
});

test('no program can delete a single commit', async () => {
  await (await open()).append('a', 0);
  await expect(jsm.streams.deleteMessage(logStreamName(plugin), 1)).rejects.toThrow();
});

test('messages with the headers of the server’s answers are read as other messages', async () => {
  const log = await open();
  await log.append('a', 0);
  const forged = 'NATS/1.0 404 No Messages\r\nNats-Sequence: 77\r\nNats-Last-Sequence: 76\r\nNats-Stream: X\r\n\r\n';
  const seen: LoggedCommit[] = [];
  log.follow((commit) => seen.push(commit));
  await publishRaw(server.port, logSubject(plugin), Buffer.from(forged), Buffer.from('forged'));
  await eventually(async () => (await log.bounds()).last === 2);
  await log.append('b', 2);
  const wanted = [
    { position: 1, text: 'a' },
    { position: 2, text: 'forged' },
    { position: 3, text: 'b' },
  ];
  expect(await log.readAfter(0)).toMatchObject(wanted);
  expect(await log.readAfter(1)).toMatchObject(wanted.slice(1));
  // The server may publish the first commit after it has acknowledged it.
  const later = () => seen.filter(({ position }) => position > 1);
  await eventually(() => later().length === 2);
  expect(later()).toEqual(wanted.slice(1));
});

test('a follower gets no message that another program publishes where the server publishes commits', async () => {
  const log = await open();
  const seen: LoggedCommit[] = [];
  log.follow((commit) => seen.push(commit));
  nats.publish(logTailSubject(plugin), 'garbage');
  await nats.flush();
  await log.append('a', 0);
  await eventually(() => seen.length > 0);
  expect(seen).toEqual([{ position: 1, text: 'a' }]);
});

describe('when the connection is lost', () => {
  let proxy: TcpProxy;
  let other: Connection;

  beforeEach(async () => {
    proxy = await TcpProxy.start(server.port);
    other = await Connection.open({ servers: [proxy.url], name: 'test' });
  });
  afterEach(async () => {
    await other.close();
    await proxy.stop();
  });

  test('an append that did not reach the server fails, and the same append succeeds after it', async () => {
    const log = await JetStreamLog.open(other, plugin, CONFIG);
    await log.append('a', 0);
    proxy.swallow('up');
    const lost = log.append('b', 1);
    setImmediate(() => proxy.cut());
    await expect(lost).rejects.toMatchObject({ code: 'JP_STORE_UNAVAILABLE' });
    await eventually(() => other.connected);
    expect(await log.append('b', 1)).toBe(2);
    expect((await log.readAfter(0)).map(({ text }) => text)).toEqual(['a', 'b']);
  });

  test('an append whose answer was lost fails, is refused when it is made again, and is found by reading', async () => {
    const log = await JetStreamLog.open(other, plugin, CONFIG);
    await log.append('a', 0);
    proxy.swallow('down');
    const lost = log.append('b', 1);
    const observer = (await JetStreamLog.find(connection, plugin))!;
    const cut = eventually(async () => (await observer.bounds()).last === 2).then(() => proxy.cut());
    await expect(lost).rejects.toMatchObject({ code: 'JP_STORE_UNAVAILABLE' });
    await cut;
    await eventually(() => other.connected);
    await expect(log.append('b', 1)).rejects.toThrow(Conflict);
    expect(await log.readAfter(1)).toMatchObject([{ position: 2, text: 'b' }]);
  });

  test('a follower receives commits again after the reconnect', async () => {
    const log = await JetStreamLog.open(other, plugin, CONFIG);
    const seen: LoggedCommit[] = [];
    log.follow((commit) => seen.push(commit));
    await log.append('a', 0);
    proxy.cut();
    await eventually(() => !other.connected);
    await eventually(() => other.connected);
    await log.append('b', 1);
    await eventually(() => seen.some(({ text }) => text === 'b'));
  });
});

test('a killed server has the same positions when it returns, also of logs that are empty', async () => {
  const full = await open();
  let last = 0;
  for (let i = 0; i < 100; i++) last = await full.append(`commit ${i}`, last);
  const emptied = await JetStreamLog.open(connection, `${plugin}-emptied`, CONFIG);
  for (let i = 0; i < 10; i++) await emptied.append(`commit ${i}`, i);
  await emptied.removeUpTo(10);
  const unused = await JetStreamLog.open(connection, `${plugin}-unused`, CONFIG, 500);
  await server.kill();
  await server.restart();
  await eventually(() => connection.connected);
  expect(await full.bounds()).toMatchObject({ first: 1, last: 100 });
  expect((await full.readAfter(0)).map(({ text }) => text)).toEqual(
    Array.from({ length: 100 }, (_, i) => `commit ${i}`),
  );
  expect(await full.append('next', 100)).toBe(101);
  expect(await emptied.bounds()).toMatchObject({ first: 11, last: 10 });
  expect(await emptied.append('next', 10)).toBe(11);
  expect(await unused.bounds()).toMatchObject({ first: 501, last: 500 });
  expect(await unused.append('next', 500)).toBe(501);
});

test('a log that the server lost is created again above all known positions', async () => {
  const warnings: string[] = [];
  const note = (message: string): unknown => warnings.push(message);
  const keeper = new StreamKeeper(connection, { debug: note, info: note, warn: note, error: note });
  keeper.start();
  const log = await open();
  for (let i = 0; i < 3; i++) await log.append(`commit ${i}`, i);
  const leave = await log.addTo(keeper, CONFIG);
  try {
    await jsm.streams.delete(logStreamName(plugin));
    // The failed append has the keeper look for the stream.
    await expect(log.append('d', 3)).rejects.toMatchObject({ code: 'JP_STORE_UNAVAILABLE' });
    const { first, last } = await eventually(() => log.bounds());
    expect(first).toBe(last + 1);
    expect(last).toBeGreaterThan(3);
    await expect(log.append('d', 3)).rejects.toThrow(Conflict);
    expect(await log.append('d', last)).toBe(first);
    expect(warnings).toContain('stream lost with its messages; creating it again');
  } finally {
    leave();
    keeper.stop();
  }
});

test('the logs of one plugin in two JetStream domains do not receive each other’s commits', async () => {
  const leafPort = await freePort();
  const jetstream = (domain: string): object => ({ domain, store_dir: scene.folder(), max_file_store: 1024 ** 4 });
  const hub = await scene.server({
    server_name: 'hub',
    jetstream: jetstream('hub'),
    leafnodes: { listen: `127.0.0.1:${leafPort}` },
  });
  const leaf = await scene.server({
    server_name: 'leaf',
    jetstream: jetstream('leaf'),
    leafnodes: { remotes: [{ url: `nats-leaf://127.0.0.1:${leafPort}` }] },
  });
  const ends: Connection[] = [];
  const logIn = async (domain: string, { url }: TestServer): Promise<JetStreamLog> => {
    const end = await Connection.open({ servers: [url], name: 'test', nats: { domain } });
    ends.push(end);
    return JetStreamLog.open(end, plugin, CONFIG);
  };
  try {
    // The domain of the hub is reached through the leaf node as soon as the two are connected.
    const fromLeaf = await eventually(() => logIn('hub', leaf));
    const [ofHub, ofLeaf] = [await logIn('hub', hub), await logIn('leaf', leaf)];
    const seen: string[] = [];
    ofHub.follow(({ text }) => seen.push(`hub: ${text}`));
    ofLeaf.follow(({ text }) => seen.push(`leaf: ${text}`));
    expect(await ofLeaf.append('a', 0)).toBe(1);
    expect(await ofHub.append('b', 0)).toBe(1);
    expect(await fromLeaf.append('c', 1)).toBe(2);
    expect(await ofLeaf.append('d', 1)).toBe(2);
    await eventually(() => seen.length === 4);
    expect(seen.sort()).toEqual(['hub: b', 'hub: c', 'leaf: a', 'leaf: d']);
    expect((await ofHub.readAfter(0)).map(({ text }) => text)).toEqual(['b', 'c']);
    expect((await ofLeaf.readAfter(0)).map(({ text }) => text)).toEqual(['a', 'd']);
  } finally {
    for (const end of ends) await end.close();
  }
});

test('a value that the leader reads from a bucket is the value that any replica reads', async () => {
  const bucket = await Bucket.open(connection, `jetplug-${plugin}`, CONFIG);
  await bucket.put('text', 'ж'.repeat(1_000), undefined, 41);
  await bucket.put('gone', 'x');
  await bucket.delete('gone', undefined, 42);
  await bucket.put('empty', '');
  for (const key of ['text', 'gone', 'empty', 'missing'])
    expect(await bucket.get(key, { latest: true })).toEqual(await bucket.get(key));
  expect(await bucket.get('gone', { latest: true })).toMatchObject({ value: undefined, position: 42 });
  await expect(Bucket.at(connection, 'jetplug-absent').get('k', { latest: true })).rejects.toMatchObject({
    code: 'JP_STORE_UNAVAILABLE',
  });
});
