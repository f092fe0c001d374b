/** A contract that is inferred from 10,000 mixed events: they fit, the plugin compiles, and its test passes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { Scene } from '../support/scene';
import { runJest } from '../support/project-jest';
import { typeErrorsOf } from '../support/written-plugin';

const EVENTS = 10_000;
const INVALID = 4;

const scene = new Scene();
afterAll(() => scene.end());

function uuid(n: number): string {
  return `0f8fad5b-d9cb-469f-a165-${String(n).padStart(12, '0')}`;
}

/** One of several kinds of orders, by its number. */
function order(n: number): string {
  if (n % 2_500 === 0) return n % 5_000 === 0 ? '{"order_id":' : '{"order_id":"x","amount":9007199254740993}';
  const amount = n % 1_000 === 1 ? String(n) : n % 3 === 0 ? n : n + 0.5;
  return JSON.stringify({
    order_id: uuid(n),
    placed_at: new Date(1_780_000_000_000 + n * 1_000).toISOString(),
    state: ['new', 'paid', 'sent', 'returned'][n % 4],
    amount,
    pieces: n % 7,
    gift: n % 5 === 0,
    coupon: n % 10 === 0 ? null : `C${n}`,
    customer: { email: `c${n % 99}@example.org`, ...(n % 8 === 0 && { home: `https://example.org/${n}` }) },
    lines: Array.from({ length: n % 4 }, (_, i) => ({
      sku: `s-${n}-${i}`,
      pieces: i + 1,
      ...(i > 1 && { note: 'x' }),
    })),
    prices: { [`sku-${n % 500}`]: n, [`sku-${(n + 250) % 500}`]: n / 4 },
    ...(n % 4 === 3 && { reason: 'too small' }),
  });
}

test('10,000 mixed events fit the contract, the plugin compiles, and its test passes', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const jsm = await nats.jetstreamManager();
  await jsm.streams.add({ name: 'SHOP', subjects: ['shop.>'], allow_direct: true });
  // The stream holds more orders than are read, and other events.
  for (let n = 0; n < EVENTS + 500; n++) {
    nats.publish('shop.placed', order(n));
    if (n % 2 === 0) nats.publish('shop.viewed', '{"page":"shop.placed"}');
  }
  await nats.flush();
  const stored = EVENTS + 500 + (EVENTS + 500) / 2;
  await eventually(async () => (await jsm.streams.info('SHOP')).state.messages === stored, 60_000);
  const cwd = scene.folder();
  const flags = ['--from-stream', 'shop.placed', '--plugins', 'plugins', '--servers', server.url, '--json'];
  const { code, stderr, json } = await jetplug(['new', 'orders', ...flags], { cwd });
  expect([code, stderr]).toEqual([0, '']);
  const { files, inferred } = json<{ files: string[]; inferred: Record<string, unknown> }>();
  expect(inferred).toMatchObject({
    stored: EVENTS + 500,
    samples: EVENTS - INVALID,
    fit: EVENTS - INVALID,
    unfit: {},
    invalid: { 'invalid-json': 2, 'inexact-number': 2 },
  });
  const contract = readFileSync(join(cwd, 'plugins/contracts/shop-placed.ts'), 'utf8');
  for (const line of [
    'order_id: z.uuid(),',
    'placed_at: z.iso.datetime(),',
    "state: z.enum(['new', 'paid', 'returned', 'sent']),",
    'amount: z.union([z.number(), z.string()]),',
    'pieces: z.int(),',
    'gift: z.boolean(),',
    'coupon: z.string().nullable(),',
    'email: z.email(),',
    'home: z.url().optional(),',
    'note: z.string().optional(),',
    'prices: z.record(z.string(), z.number()),',
    'reason: z.string().optional(),',
  ]) {
    expect(contract).toContain(`  ${line}\n`);
  }
  expect(contract).toContain('  // number 9,986, string 10\n');
  expect(typeErrorsOf(files)).toEqual([]);
  runJest(cwd);
}, 600_000);
