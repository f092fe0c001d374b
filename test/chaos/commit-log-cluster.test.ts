/** A commit log with three replicas: what a host reads and appends while other replicas are behind or die. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager } from 'nats';
import { isJetplugError } from '../../sdk/internal';
import { Bucket } from '../../host/nats/bucket';
import { JetStreamLog } from '../../host/nats/commit-log';
import { Connection } from '../../host/nats/connection';
import { Conflict } from '../../host/records/key-value';
import type { LoggedCommit } from '../../host/records/commits/commit-log';
import { eventually } from '../support/eventually';
import type { TestCluster } from '../support/nats-cluster';
import { Scene } from '../support/scene';
import { configOf } from '../support/stream-config';

const READS = 300;
const KEYS = 10;
const APPENDS_BEFORE = 20;
const APPENDS_AFTER = 20;
/** The servers of the cluster. */
const SIZE = 3;
const WRITERS = 4;
const RETRY_MS = 20;
const TURN_MS = 50;
const LEADER_MS = 30_000;

const scene = new Scene();
let cluster: TestCluster;
let jsm: JetStreamManager;
let connections: Connection[];
const config = configOf(scene, { streams: [{ name: 'EVENTS', subjects: ['video.>'], replicas: SIZE }] });

beforeAll(async () => {
  cluster = await scene.cluster();
  jsm = await (await scene.client(...cluster.urls)).jetstreamManager();
  // Each of the first connections stays on one server. The others change theirs when it dies.
  const moving = Array.from({ length: WRITERS }, () => [...cluster.urls]);
  const servers = [...cluster.urls.map((url) => [url]), ...moving];
  connections = await Promise.all(servers.map((urls) => Connection.open({ servers: urls, name: 'test' })));
}, 60_000);
afterAll(async () => {
  await Promise.all(connections.map((each) => each.close()));
  await scene.end();
});

test('a host finds a commit at once, whichever server it is connected to', async () => {
  const log = await JetStreamLog.open(connections[0]!, 'shop', config);
  const readers = await Promise.all(connections.slice(0, SIZE).map((each) => found(each, 'shop')));
  for (let i = 0; i < READS; i++) {
    await log.append(`commit ${i}`, i);
    const pages = await Promise.all(readers.map((reader) => reader.readAfter(i)));
    for (const page of pages) expect(page).toMatchObject([{ position: i + 1, text: `commit ${i}` }]);
    for (const { last } of await Promise.all(readers.map((reader) => reader.bounds()))) expect(last).toBe(i + 1);
  }
}, 60_000);

test('the latest value of a bucket is read, whichever server a host is connected to', async () => {
  const bucket = await Bucket.open(connections[0]!, 'jetplug-shop', config);
  const readers = connections.slice(0, SIZE).map((each) => Bucket.at(each, 'jetplug-shop'));
  const writeAndRead = async (key: string): Promise<void> => {
    for (let i = 0; i < READS; i++) {
      await bucket.put(key, String(i));
      const entries = await Promise.all(readers.map((reader) => reader.get(key, { latest: true })));
      for (const entry of entries) expect(entry?.value).toBe(String(i));
    }
  };
  // Replicas are behind more often when there is more to write.
  await Promise.all(Array.from({ length: KEYS }, (_, i) => writeAndRead(`k${i}`)));
}, 60_000);

test('a value is read as of a revision, whichever replica answers', async () => {
  const bucket = await Bucket.open(connections[0]!, 'jetplug-behind', config);
  const readers = connections.slice(0, SIZE).map((each) => Bucket.at(each, 'jetplug-behind'));
  let behind = 0;
  const writeAndRead = async (key: string): Promise<void> => {
    for (let i = 0; i < READS; i++) {
      const asOf = await bucket.put(key, String(i));
      const [anyhow, entries, missing] = await Promise.all([
        Promise.all(readers.map((reader) => reader.get(key))),
        Promise.all(readers.map((reader) => reader.get(key, { asOf }))),
        Promise.all(readers.map((reader) => reader.get(`${key}-missing`, { asOf }))),
      ]);
      behind += anyhow.filter((entry) => entry?.value !== String(i)).length;
      for (const entry of entries) expect(entry).toEqual({ value: String(i), revision: asOf });
      for (const entry of missing) expect(entry).toBeUndefined();
    }
  };
  await Promise.all(Array.from({ length: KEYS }, (_, i) => writeAndRead(`k${i}`)));
  expect(await bucket.keys()).toHaveLength(KEYS);
  console.log(`${behind} of ${READS * KEYS * SIZE} reads without a revision found an earlier value`);
}, 60_000);

test('when the leader is killed, each append is in the log once or not at all, and the hosts find out which', async () => {
  const log = await JetStreamLog.open(connections.at(-1)!, 'shop-killed', config);
  const { cluster: placed } = await jsm.streams.info('LOG_jetplug-shop-killed');
  const leader = placed!.leader!;
  // The writers on the leader's own server lose answers, and the others find no leader.
  const writers = await Promise.all(
    connections.slice(SIZE).map(async (each, i) => new Writer(`writer ${i}`, await found(each, 'shop-killed'))),
  );
  try {
    await allHave(writers, APPENDS_BEFORE);
    await cluster.kill(leader);
    await allHave(writers, APPENDS_BEFORE + APPENDS_AFTER);
  } finally {
    await Promise.all(writers.map((writer) => writer.stop()));
  }
  const stored = await readAll(log);
  expect(stored.map(({ position }) => position)).toEqual(stored.map((_, i) => i + 1));
  for (const { name, appended } of writers) {
    const own = stored.filter(({ text }) => text.startsWith(`${name}:`));
    expect(own.map(({ text }) => text)).toEqual(appended.map((_, i) => `${name}: ${i}`));
    expect(own.map(({ position }) => position)).toEqual(appended);
  }
  console.log(writers.map((writer) => writer.summary()).join('\n'));
}, 120_000);

/** Appends commits one after the other, as a host does: it finds out the fate of each before it appends the next. */
class Writer {
  /** The positions of its commits. */
  readonly appended: number[] = [];
  private last = 0;
  private endsAtMs = Infinity;
  private readonly counts = { unanswered: 0, found: 0, conflicts: 0 };
  private readonly done: Promise<void>;

  constructor(
    readonly name: string,
    private readonly log: JetStreamLog,
  ) {
    this.done = this.run();
  }

  async stop(): Promise<void> {
    // The fate of the last commit must be known, too.
    this.endsAtMs = performance.now() + LEADER_MS;
    await this.done;
  }

  summary(): string {
    return `${this.name}: ${this.appended.length} commits, ${JSON.stringify(this.counts)}`;
  }

  private async run(): Promise<void> {
    for (let tries = 0; this.endsAtMs === Infinity || tries > 0;) {
      const before = this.appended.length;
      await this.append(`${this.name}: ${before}`);
      tries = this.appended.length > before ? 0 : tries + 1;
      if (performance.now() > this.endsAtMs) throw new Error(`${this.name} does not end: ${this.summary()}`);
      // A writer beside the leader would leave the others no chance.
      await sleep(tries > 0 ? RETRY_MS * Math.random() : TURN_MS);
    }
  }

  private async append(text: string): Promise<void> {
    try {
      this.last = await this.log.append(text, this.last);
      this.appended.push(this.last);
    } catch (error) {
      if (error instanceof Conflict) this.counts.conflicts++;
      else if (isJetplugError(error) && error.code === 'JP_STORE_UNAVAILABLE') this.counts.unanswered++;
      else throw error;
      if (error instanceof Conflict) await this.readOn(text);
    }
  }

  /** Reads what took the place of the commit: it may be the commit itself. */
  private async readOn(text: string): Promise<void> {
    const page = await eventually(() => this.log.readAfter(this.last), LEADER_MS);
    for (const { position, text: stored } of page) {
      this.last = position;
      if (stored !== text) continue;
      this.counts.found++;
      this.appended.push(position);
    }
  }
}

async function allHave(writers: readonly Writer[], count: number): Promise<void> {
  await eventually(() => {
    if (writers.every(({ appended }) => appended.length >= count)) return true;
    throw new Error(writers.map((writer) => writer.summary()).join('; '));
  }, LEADER_MS);
}

async function readAll(log: JetStreamLog): Promise<LoggedCommit[]> {
  const all: LoggedCommit[] = [];
  for (let page; (page = await log.readAfter(all.length)).length > 0;) all.push(...page);
  return all;
}

async function found(connection: Connection, plugin: string): Promise<JetStreamLog> {
  return (await JetStreamLog.find(connection, plugin))!;
}
