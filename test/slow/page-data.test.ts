import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type {
  DraftCheck,
  EventCatalogue,
  EventSamples,
  FoundEvents,
  Job,
  KeyHistory,
  LetterChangeAnswer,
  LetterGroups,
  LetterPage,
  LetterView,
  PublishedDraft,
  StorePage,
  TraceView,
  TryAnswer,
} from '../../host/page/api';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { post } from '../support/http';
import { MASK } from '../../host/base/mask';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';

const scene = new Scene();
let server: TestServer;
let host: TestHost;
let nats: NatsConnection;
let fixed: string;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  fixed = join(scene.folder(), 'fixed');
  const files = { 'pay.plugin.ts': PAY, 'next.plugin.ts': NEXT, 'paid.ts': CONTRACT };
  host = await scene.host({
    server,
    plugins: [scene.folder({ ...files, 'pay.plugin.ts': PAY.replace('FIXED', fixed) })],
    // A high limit for the circuit, so that each failing event is dead-lettered instead of waiting.
    config: { delivery: { circuit: { messages: 1_000 } } },
  });
});
afterAll(() => scene.end());

const CONTRACT = `import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';
/** A payment. */
export class Paid extends defineEvent(
  'video.paid',
  z.object({ user: z.string(), cents: z.int().positive(), card: z.object({ number: z.string() }) }),
  { secret: ['card.number'] },
) {}
`;
const PAY = `import { existsSync } from 'node:fs';
import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { Paid } from './paid';
@Plugin()
export class PayPlugin {
  constructor(private readonly sums: Store<number>) {}
  @Subscribe({ retry: { attempts: 1 } })
  async pay(event: Paid) {
    if (event.cents === 13 && !existsSync('FIXED')) throw new Error('unlucky: ' + event.user);
    await this.sums.update(event.user, (sum = 0) => sum + event.cents);
  }
}
`;
const NEXT = `import { Plugin, Reject, Store, Subscribe, type EventContext } from 'jetplug/sdk';
import { Paid } from './paid';
@Plugin()
export class NextPlugin {
  constructor(private readonly seen: Store<string>) {}
  @Subscribe({ from: 'new' })
  async take(event: Paid, context: EventContext) {
    if (event.user === 'c' && context.headers['x-redirected-from']) throw new Reject('not mine');
    if (context.headers['x-redirected-from'] !== undefined) await this.seen.update(event.user, () => event.card.number);
  }
}
`;

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${host.url}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
const send = async <T>(path: string, body: unknown): Promise<T> => {
  const answer = await post(`${host.url}${path}`, body);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body as T;
};
const pay = (user: string, cents: number): Promise<unknown> =>
  nats.jetstream().publish('video.paid', JSON.stringify({ user, cents, card: { number: `4-${user}` } }));
const letters = (count: number): Promise<LetterPage> =>
  eventually(async () => {
    const page = await get<LetterPage>('/api/dead');
    return page.total === count && page;
  });
const jobEnds = (id: string | undefined): Promise<Job> =>
  eventually(async () => {
    const job = (await get<Job[]>('/api/jobs')).find((one) => one.id === id);
    return job !== undefined && job.state !== 'running' && job;
  });

test('dead letters are grouped, shown with secrets hidden, edited, redirected, redriven and dropped', async () => {
  for (const user of ['a', 'b', 'c', 'd']) await pay(user, 13);
  const page = await letters(4);
  const { groups } = await get<LetterGroups>('/api/dead/groups?plugin=pay&q=UNLUCKY');
  expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(4);
  const [d, c, b, a] = page.letters.map(({ id }) => id) as [number, number, number, number];
  const shown = await get<LetterView>(`/api/dead/${a}`);
  expect(shown).toMatchObject({ plugin: 'pay', payload: { user: 'a', card: { number: MASK } } });
  expect([shown.stack, JSON.stringify(shown.schema)]).toEqual([
    expect.stringContaining('unlucky'),
    expect.stringContaining('cents'),
  ]);

  // The mask that stays in an edited payload is the secret itself.
  const edit = { ids: [a], payload: { ...(shown.payload as object), cents: 5 } };
  expect(await send('/api/dead/redrive', { ...edit, dryRun: true })).toEqual({ count: 1 });
  const edited = await send<LetterChangeAnswer>('/api/dead/redrive', edit);
  expect(await jobEnds(edited.job)).toMatchObject({ kind: 'redrive', state: 'done', done: 1, failed: 0 });
  await letters(3);
  const moved = await send<LetterChangeAnswer>('/api/dead/redrive', { ids: [b], to: 'next.take' });
  expect(await jobEnds(moved.job)).toMatchObject({ state: 'done', done: 1, failed: 0 });
  await letters(2);
  expect(await get<StorePage>('/api/store/next')).toMatchObject({ entries: [{ key: 'b', value: '4-b' }], total: 1 });

  const refused = await post(`${host.url}/api/dead/redrive`, { ids: [c], to: 'next.absent' });
  expect(refused).toMatchObject({ status: 404, body: { code: 'JP_NOT_FOUND' } });
  // The letter of the other handler replaces that of the first one.
  await send<LetterChangeAnswer>('/api/dead/redrive', { ids: [c], to: 'next.take' });
  await eventually(async () => {
    const { total, letters: all } = await get<LetterPage>('/api/dead');
    return total === 2 && all.some(({ plugin, sequence }) => plugin === 'next' && sequence === 3);
  });
  const drop = await send<LetterChangeAnswer>('/api/dead/drop', { filter: { plugin: 'next' } });
  expect(await jobEnds(drop.job)).toMatchObject({ state: 'done', done: 1, total: 1 });
  await letters(1);
  writeFileSync(fixed, '');
  const rest = await send<LetterChangeAnswer>('/api/dead/redrive', { filter: { plugin: 'pay' }, ratePerS: 50 });
  expect(rest.count).toBe(1);
  await letters(0);
  expect(d).toBeGreaterThan(c);
  const { entries } = await get<StorePage>('/api/store/pay');
  expect(entries.map(({ key, value }) => [key, value])).toEqual([
    ['a', 5],
    ['d', 13],
  ]);
});

test('an event is checked while it is typed, published, and found with its trace and its values', async () => {
  const draft = (payload: unknown) => ({ subject: 'video.paid', payload });
  const check = await send<DraftCheck>('/api/events/check', draft({ user: 'z', cents: -1 }));
  expect(check.faults.map(({ path }) => path).sort()).toEqual(['card', 'cents']);
  expect(check.receives).toContainEqual({ plugin: 'pay', handler: 'pay' });
  const inexact = await send<DraftCheck>('/api/events/check', {
    subject: 'video.paid',
    payloadText: '{"cents":9007199254740993}',
  });
  expect(inexact.faults[0]?.message).toContain('9007199254740993');
  const bad = await post(`${host.url}/api/events/publish`, draft({}));
  expect(bad).toMatchObject({ status: 400, body: { code: 'JP_EVENT_INVALID' } });

  const valid = draft({ user: 'z', cents: 7, card: { number: '4-z' } });
  const { id, stream, sequence } = await send<PublishedDraft>('/api/events/publish', valid);
  const { trace, payloads } = await eventually(() =>
    get<TraceView>(`/api/trace?event=${stream}:${sequence}`).catch(() => false as const),
  );
  expect([trace.root.id, payloads[id]]).toEqual([id, { user: 'z', cents: 7, card: { number: MASK } }]);
  const found = await get<FoundEvents>('/api/find?where=user%3Dz&since=1h');
  expect(found).toMatchObject({ complete: true, events: [{ id, payload: { user: 'z', card: { number: MASK } } }] });
  const { samples } = await get<EventSamples>('/api/events/samples?subject=video.paid&limit=1');
  expect(samples).toMatchObject([{ id, payload: { card: { number: MASK } } }]);
  const { events } = await get<EventCatalogue>('/api/events');
  expect(events.find(({ subject }) => subject === 'video.paid')).toMatchObject({ description: 'A payment.' });

  const history = await eventually(async () => {
    const read = await get<KeyHistory>('/api/store/pay/blame?key=z');
    return read.changes.length > 0 && read;
  });
  expect(history).toMatchObject({ changes: [{ value: 7, handler: 'pay', event: `${stream}:${sequence}` }] });
  expect((await fetch(`${host.url}/api/store/absent`)).status).toBe(404);
});

test('the command edits a payload in $EDITOR, and sends an event to another handler at a rate', async () => {
  const { stdout: help } = await jetplug(['dead', 'redrive', '--help']);
  expect(help).toContain('--to <plugin.handler>');
  await nats.jetstream().publish('video.paid', '{"user":"e","cents":"x","card":{"number":"4-e"}}');
  const {
    letters: [letter],
  } = await eventually(async () => {
    const page = await get<LetterPage>('/api/dead?plugin=pay');
    return page.total === 1 && page;
  });
  const env = { EDITOR: `sed -i 's/"x"/9/'`, VISUAL: '' };
  const args = ['dead', 'redrive', String(letter!.id), '--rate', '100/s', '--servers', server.url];
  const { code, stdout, stderr } = await jetplug([...args, '--edit'], { env });
  expect([code, stdout, stderr]).toEqual([0, expect.stringContaining('1 dead letter redriven'), '']);
  await eventually(async () => {
    const { entries } = await get<StorePage>('/api/store/pay?q=e');
    return entries.some(({ key, value }) => key === 'e' && value === 9);
  });
});

test('a dry run shows the effects of an edited event, and writes nothing', async () => {
  const { seq: sequence } = (await pay('dry', 20)) as { seq: number };
  await eventually(async () => (await get<StorePage>('/api/store/pay?q=dry')).total === 1);
  const run = (more: object): Promise<TryAnswer> =>
    send('/api/try', { event: `EVENTS:${sequence}`, plugin: 'pay', handler: 'pay', ...more });
  expect(await run({})).toMatchObject({
    outcome: 'handled',
    // The store as it stood before the event.
    writes: [{ key: 'dry', after: 20 }],
    emits: [],
    lines: [],
  });
  const edited = { user: 'dry', cents: 7, card: { number: MASK } };
  expect(await run({ payload: edited })).toMatchObject({ outcome: 'handled', writes: [{ key: 'dry', after: 7 }] });
  expect(await run({ payload: { ...edited, cents: -1 } })).toMatchObject({ outcome: 'invalid', writes: [] });
  expect((await get<StorePage>('/api/store/pay?q=dry')).entries).toEqual([{ key: 'dry', value: 20 }]);

  const failing = async (body: object): Promise<unknown> => (await post(`${host.url}/api/try`, body)).body;
  expect(await failing({ event: 'EVENTS:999999', plugin: 'pay' })).toMatchObject({ code: 'JP_NOT_FOUND' });
  expect(await failing({ event: 'nonsense', plugin: 'pay' })).toMatchObject({ code: 'JP_USAGE' });
  expect(await failing({ event: `EVENTS:${sequence}`, plugin: 'nobody' })).toMatchObject({ code: 'JP_NOT_FOUND' });
});
