/** `jetplug new`: the tests that it writes pass. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { STORY_CONFIG } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';
import { runJest } from '../support/project-jest';

const scene = new Scene();
afterAll(() => scene.end());

const CONTRACTS = `import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';
export class OrderPlaced extends defineEvent(
  'orders.placed',
  z.object({ order_id: z.string().min(3), lines: z.array(z.object({ n: z.int().positive() })).min(1), paid: z.boolean() }),
) {}
`;

interface Written {
  readonly files: string[];
  readonly next: string[];
}

test('writes a plugin, its test and the missing contract', async () => {
  const cwd = scene.folder();
  const { code, stdout } = await jetplug(['new', 'late-orders', '--on', 'orders.late', '--plugins', 'plugins'], {
    cwd,
  });
  expect(code).toBe(0);
  const files = ['plugins/contracts/orders-late.ts', 'plugins/late-orders.plugin.ts', 'plugins/late-orders.test.ts'];
  for (const file of files) {
    expect(stdout).toContain(file);
    expect(existsSync(join(cwd, file))).toBe(true);
  }
  expect(stdout).toContain('add orders.late to the subjects of a stream');
});

test('uses an existing contract, and a subject with wildcards as it is; each test that it writes passes', async () => {
  const cwd = scene.folder({ ...STORY_CONFIG, 'plugins/contracts/shop.ts': CONTRACTS });
  for (const [name, event] of [
    ['by-subject', 'orders.placed'],
    ['by-name', 'OrderPlaced'],
    ['a-1', 'video.>'],
  ] as const) {
    const result = await jetplug(['new', name, '--on', event, '--plugins', 'plugins', '--json'], { cwd });
    expect(result.stderr).toBe('');
    expect(result.json<Written>().files).toHaveLength(2);
  }
  await jetplug(['new', 'late-orders', '--on', 'orders.late', '--plugins', 'plugins'], { cwd });
  const test = readFileSync(join(cwd, 'plugins/by-name.test.ts'), 'utf8');
  expect(test).toContain("publish(OrderPlaced, { order_id: 'order-1', lines: [{ n: 1 }], paid: true })");
  runJest(cwd);
  const checked = await jetplug(['check', '--plugins', 'plugins', '--json'], { cwd });
  expect(checked.json<{ code: string }[]>().map(({ code }) => code)).toEqual([
    'JP_HANDLER_NO_STREAM',
    'JP_HANDLER_NO_STREAM',
    'JP_HANDLER_NO_STREAM',
  ]);
}, 60_000);

test('puts the test into the project’s folder for such tests', async () => {
  const cwd = scene.folder({ 'test/plugins/other.test.ts': '' });
  const result = await jetplug(['new', 'audit', '--on', 'video.>', '--plugins', 'plugins', '--json'], { cwd });
  expect(result.json<Written>().files).toEqual([
    join(cwd, 'plugins/audit.plugin.ts'),
    join(cwd, 'test/plugins/audit.test.ts'),
  ]);
});

test('overwrites nothing, and then writes nothing at all', async () => {
  const cwd = scene.folder({ 'plugins/badge.plugin.ts': 'mine' });
  const result = await jetplug(['new', 'badge', '--on', 'orders.late', '--plugins', 'plugins', '--json'], { cwd });
  expect(result.code).toBe(1);
  expect(result.errors()).toMatchObject([{ code: 'JP_FILE_EXISTS', file: join(cwd, 'plugins/badge.plugin.ts') }]);
  expect(readFileSync(join(cwd, 'plugins/badge.plugin.ts'), 'utf8')).toBe('mine');
  expect(existsSync(join(cwd, 'plugins/contracts'))).toBe(false);
});

test.each([
  ['Badge', 'orders.placed', 'JP_USAGE'],
  ['badge', 'OrderLost', 'JP_NOT_FOUND'],
  ['badge', 'orders..placed', 'JP_SUBJECT_INVALID'],
])('refuses the name %s on %s', async (name, event, code) => {
  const cwd = scene.folder({ 'plugins/contracts/shop.ts': CONTRACTS });
  const result = await jetplug(['new', name, '--on', event, '--plugins', 'plugins', '--json'], { cwd });
  expect(result.code).toBe(1);
  expect(result.errors()).toMatchObject([{ code }]);
});

describe('a contract that is inferred from events', () => {
  let server: TestServer;
  let nats: NatsConnection;

  beforeAll(async () => {
    server = await scene.server();
    nats = await scene.client(server.url);
    const jsm = await nats.jetstreamManager();
    await jsm.streams.add({ name: 'SHOP', subjects: ['shop.>'], allow_direct: true });
    await jsm.streams.add({ name: 'OLD', subjects: ['old.>'], allow_direct: false });
  });

  async function publish(subject: string, ...events: (object | string)[]): Promise<void> {
    const js = nats.jetstream();
    for (const event of events) {
      await js.publish(subject, typeof event === 'string' ? event : JSON.stringify(event));
    }
  }

  function fromStream(name: string, subject: string, cwd: string, ...more: string[]) {
    const flags = ['--from-stream', subject, '--plugins', 'plugins', '--servers', server.url, ...more];
    return jetplug(['new', name, ...flags], { cwd });
  }

  test('has the fields of the stored events, and says how many fit and which fields differ', async () => {
    const order = {
      order_id: '0f8fad5b-d9cb-469f-a165-70867728950e',
      amount: 2.5,
      pieces: 2,
      placed: '2026-05-12T12:00:00Z',
    };
    await publish('shop.returned', { reason: 'too small' });
    await publish('shop.placed', order, '{"order_id":', { ...order, amount: 3, pieces: 'two', note: 'gift' });
    await publish('shop.placed', { ...order, event_id: 'e-1', timestamp: '2026-05-12T12:00:00Z', note: null });
    const cwd = scene.folder();
    const { code, stdout, stderr } = await fromStream('orders', 'shop.placed', cwd);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Read all 4 events of shop.placed in the stream SHOP.\n3 of 4 fit the contract.\n');
    expect(stdout).toContain('  1 are not valid events: invalid-json\n');
    expect(stdout).toMatch(/^ {2}note +in 2 of 3; null 1, string 1$/m);
    expect(stdout).toContain('1. read the contract, and correct its guesses: plugins/contracts/shop-placed.ts');
    const contract = readFileSync(join(cwd, 'plugins/contracts/shop-placed.ts'), 'utf8');
    expect(contract).toMatch(/^ \* Inferred from the newest 3 valid events of shop\.placed in the stream SHOP, /m);
    expect(contract).toContain(`export class ShopPlaced extends defineEvent(
  'shop.placed',
  z.object({
    order_id: z.uuid(),
    amount: z.number(),
    // number 2, string 1
    pieces: z.union([z.int(), z.string()]),
    placed: z.iso.datetime(),
    // in 2 of 3; null 1, string 1
    note: z.string().nullable().optional(),
  }),
) {}`);
    const test = readFileSync(join(cwd, 'plugins/orders.test.ts'), 'utf8');
    expect(test).toContain(
      `publish(ShopPlaced, { order_id: '${order.order_id}', amount: 1, pieces: 1, placed: '2026-05-12T12:00:00.000Z' })`,
    );
  });

  test('is not written over another one, nor without events or direct reads', async () => {
    const cwd = scene.folder({ 'plugins/contracts/shop.ts': CONTRACTS });
    await publish('old.placed', { id: 1 });
    const results = [];
    for (const subject of ['orders.placed', 'shop.lost', 'lost.lost', 'shop.*', 'old.placed']) {
      const { code, errors } = await fromStream('orders', subject, cwd, '--json');
      results.push([code, errors()[0]!.code]);
    }
    expect(results).toEqual([
      [1, 'JP_FILE_EXISTS'],
      [1, 'JP_NOT_FOUND'],
      [1, 'JP_NOT_FOUND'],
      [1, 'JP_SUBJECT_INVALID'],
      [1, 'JP_BROKER_OPERATION_FAILED'],
    ]);
    expect(existsSync(join(cwd, 'plugins/orders.plugin.ts'))).toBe(false);
  });
});

test.each([[[]], [['--on', 'a.b', '--from-stream', 'a.b']]])('refuses %j: one of both is needed', async (flags) => {
  const result = await jetplug(['new', 'badge', ...flags, '--json'], { cwd: scene.folder() });
  expect([result.code, result.errors()[0]!.code]).toEqual([1, 'JP_USAGE']);
});
