/** `jetplug new`: the tests that it writes pass. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetplug } from '../support/cli';
import { runJest } from '../support/project-jest';
import { Scene } from '../support/scene';

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
  const cwd = scene.folder({ 'plugins/contracts/shop.ts': CONTRACTS });
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
