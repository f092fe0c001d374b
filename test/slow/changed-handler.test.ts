/** A handler's subject or name changes while events wait for it: each event is handled, and once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { shopPlugin, type ShopVersion } from '../support/changed-handler';
import { jetplug } from '../support/cli';
import { checkAgainst, type AgainstStream } from '../support/contract-change';
import { allSettled, durableConfig, durableInfo } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';
import { storedLetters } from '../support/dead-letters';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string;
let n = 0;
const save = (version: ShopVersion): void => writeFileSync(join(plugins, 'shop.plugin.ts'), shopPlugin(version));
const QUICK = `{ attempts: 50, backoff: ['20ms'] }`;
const OLD: ShopVersion = { method: 'sell', subject: 'video.sold', retry: QUICK };

beforeEach(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  plugins = scene.folder();
  n = 0;
});
afterEach(() => scene.end());

async function publish(subject: string, count: number): Promise<void> {
  const js = nats.jetstream();
  await Promise.all(Array.from({ length: count }, () => js.publish(subject, JSON.stringify({ n: n++ }))));
}

/** The events that the handler has handled once, and those that it has handled more than once. */
async function handled(): Promise<{ once: number; more: string[] }> {
  const counts = Object.entries(await readStore(nats, 'shop')).filter(([key]) => /^n\d+$/.test(key));
  return {
    once: counts.filter(([, count]) => count === 1).length,
    more: counts.flatMap(([key, count]) => (count === 1 ? [] : [key])),
  };
}

test('events that wait under the old subject are handled, then the durable has the new subject alone', async () => {
  save(OLD);
  const first = await scene.host({ server, plugins: [plugins] });
  await publish('video.sold', 10);
  await allSettled(await nats.jetstreamManager(), ['EVENTS']);
  await first.stop();
  await publish('video.sold', 30);
  await publish('video.bought', 20);
  save({ ...OLD, subject: 'video.bought' });
  const second = await scene.host({ server, plugins: [plugins] });
  // An event that is stored under the old subject after the change is not the handler's any more.
  await nats.jetstream().publish('video.sold', JSON.stringify({ n: 1_000 }));
  await publish('video.bought', 5);
  await eventually(async () => (await handled()).once === 65, 20_000);
  await eventually(
    async () => (await durableConfig(nats, 'EVENTS', 'shop-sell'))['filter_subject'] === 'video.bought',
    20_000,
  );
  expect((await durableConfig(nats, 'EVENTS', 'shop-sell'))['metadata']).not.toHaveProperty('jetplug.former');
  await publish('video.bought', 5);
  await publish('video.sold', 5);
  await eventually(async () => (await handled()).once === 70);
  expect(await handled()).toEqual({ once: 70, more: [] });
  expect(await readStore(nats, 'shop')).not.toHaveProperty('n1000');
  expect(await storedLetters(nats)).toEqual([]);
  expect(second.logged('a handler still takes the events that wait under its earlier subjects')).toHaveLength(1);
});

test('in a running host, events that are in flight and that wait are handled after the subject has changed', async () => {
  save({ ...OLD, first: `throw new Error('closed');` });
  const host = await scene.host({ server, plugins: [plugins] });
  await publish('video.sold', 40);
  await eventually(async () => (await durableInfo(nats, 'EVENTS', 'shop-sell')).num_ack_pending > 0);
  save({ ...OLD, subject: 'video.bought' });
  await eventually(async () => host.logged('a plugin has a new version').length > 0);
  await publish('video.bought', 5);
  await eventually(async () => (await handled()).once === 45, 30_000);
  expect(await handled()).toEqual({ once: 45, more: [] });
  expect(await storedLetters(nats)).toEqual([]);
});

test('a subject that is changed back and forth before its events are handled loses none', async () => {
  const closed = `throw new RetryLater('100ms');`;
  for (const subject of ['video.sold', 'video.bought', 'video.given', 'video.sold']) {
    save({ ...OLD, subject, first: closed });
    const host = await scene.host({ server, plugins: [plugins] });
    await publish(subject, 10);
    await host.stop();
  }
  save({ ...OLD, subject: 'video.bought' });
  await scene.host({ server, plugins: [plugins] });
  await eventually(async () => (await handled()).once === 40, 30_000);
  expect(await handled()).toEqual({ once: 40, more: [] });
});

test('an isolated handler upcasts the events that wait under its old subject, and one that does not fit is dead-lettered', async () => {
  save(OLD);
  await (await scene.host({ server, plugins: [plugins] })).stop();
  const js = nats.jetstream();
  for (const sold of [{ n: 0 }, { number: '1' }, { number: 'two' }])
    await js.publish('video.sold', JSON.stringify(sold));
  const contract = `{ upcast: (old) => ({ n: Number(old['number']) }) }`;
  save({ ...OLD, subject: 'video.bought', isolated: true, contract });
  await scene.host({ server, plugins: [plugins] });
  await eventually(async () => (await handled()).once === 2 && (await storedLetters(nats)).length === 1);
  const [letter] = await storedLetters(nats);
  expect(letter!.header.get('x-dead-letter-reason')).toBe('schema');
  expect(letter!.string()).toBe('{"number":"two"}');
});

test('events outside of a narrowed subject are handled if they waited, and not afterwards', async () => {
  const raw = (subject: string): string =>
    shopPlugin({ ...OLD, subject: 'video.any' })
      .replace('event: Sold', 'event: any')
      .replace('@Subscribe(', `@Subscribe('${subject}', `);
  writeFileSync(join(plugins, 'shop.plugin.ts'), raw('video.>'));
  await (await scene.host({ server, plugins: [plugins] })).stop();
  await publish('video.sold', 3);
  await publish('video.given', 4);
  writeFileSync(join(plugins, 'shop.plugin.ts'), raw('video.sold'));
  await scene.host({ server, plugins: [plugins] });
  await eventually(async () => (await handled()).once === 7);
  await publish('video.given', 2);
  await publish('video.sold', 1);
  await eventually(async () => (await handled()).once === 8);
  await allSettled(await nats.jetstreamManager(), ['EVENTS']);
  expect(await handled()).toEqual({ once: 8, more: [] });
});

test('a subject of another stream gets a durable there, and the old one stays', async () => {
  const streams = [
    { name: 'EVENTS', subjects: ['video.>'] },
    { name: 'SHOPS', subjects: ['shop.>'] },
  ];
  const options = { server, plugins: [plugins], config: { streams } };
  save(OLD);
  const first = await scene.host(options);
  await publish('video.sold', 2);
  await eventually(async () => (await handled()).once === 2);
  await first.stop();
  await publish('video.sold', 1);
  save({ ...OLD, subject: 'shop.sold' });
  await scene.host(options);
  await publish('shop.sold', 2);
  await eventually(async () => (await handled()).once === 4);
  expect(await durableConfig(nats, 'SHOPS', 'shop-sell')).toMatchObject({ filter_subject: 'shop.sold' });
  expect(await durableInfo(nats, 'EVENTS', 'shop-sell')).toMatchObject({ num_pending: 1 });
});

test('a renamed handler continues at its position, beside a host with the old name', async () => {
  save(OLD);
  const old = await scene.host({ server, plugins: [plugins] });
  await publish('video.sold', 20);
  await allSettled(await nats.jetstreamManager(), ['EVENTS']);
  plugins = scene.folder();
  save({ ...OLD, method: 'dispatch', renamedFrom: 'sell' });
  await scene.host({ server, plugins: [plugins] });
  await publish('video.sold', 200);
  await eventually(async () => (await handled()).once === 220, 20_000);
  await old.stop();
  await publish('video.sold', 20);
  await eventually(async () => (await handled()).once === 240);
  expect(await handled()).toEqual({ once: 240, more: [] });
  const durables: string[] = [];
  for await (const { name } of (await nats.jetstreamManager()).consumers.list('EVENTS')) durables.push(name);
  expect(durables).toEqual(['shop-sell']);
});

test('a changed from is reported at the start, by plugins and by check --against-stream, and a kept one is not', async () => {
  save(OLD);
  await (await scene.host({ server, plugins: [plugins] })).stop();
  await publish('video.sold', 5);
  save({ ...OLD, from: `{ since: '24h' }` });
  const host = await scene.host({ server, plugins: [plugins] });
  await eventually(async () => (await handled()).once === 5);
  const ignored = { asked: 'since 1d', started: 'beginning' };
  expect(host.logged('the option from has no effect, because the durable consumer exists')).toMatchObject([ignored]);
  const text = /from since 1d has no effect: the durable exists since \S+Z, and has started from beginning/;
  expect((await jetplug(['plugins', 'shop', '--servers', server.url])).stdout).toMatch(text);
  const explained = await jetplug(['plugins', 'shop', '--servers', server.url, '--json']);
  expect(explained.json()).toMatchObject([{ handlers: [{ ignoredFrom: ignored }] }]);
  const checked = await checkAgainst(server.url, plugins);
  expect(checked.code).toBe(0);
  const [warning, ...others] = checked.json<AgainstStream>().findings;
  expect(warning).toMatchObject({ code: 'JP_HANDLER_FROM_IGNORED', warning: true, plugin: 'shop' });
  expect(warning!.message).toMatch(text);
  expect(others).toEqual([]);
  save(OLD);
  expect((await checkAgainst(server.url, plugins)).json<AgainstStream>().findings).toEqual([]);
});
