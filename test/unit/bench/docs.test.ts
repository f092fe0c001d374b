import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDocs } from '../../../bench/core/docs';
import { rowsOf } from '../../../bench/core/rows';
import { ROOT } from '../../support/markdown';
import { Scene } from '../../support/scene';

const scene = new Scene();
afterEach(() => scene.end());

const ROWS = rowsOf([
  [
    { case: 'drain', subject: 'documented', unit: 'events/s', value: 30_000 },
    { case: 'drain', subject: 'best', unit: 'events/s', value: 100_000 },
    { case: 'drain', subject: 'jetplug', unit: 'events/s', value: 96_000 },
    { case: 'latency p50', subject: 'documented', unit: 'ms', value: 0.5 },
    { case: 'latency p50', subject: 'best', unit: 'ms', value: 0.4 },
    { case: 'latency p50', subject: 'jetplug', unit: 'ms', value: 0.8 },
  ],
]);

test('table and chart replace the present ones in the docs, formatted as Prettier formats them', async () => {
  const folder = scene.folder();
  cpSync(join(ROOT, 'docs/performance.md'), join(folder, 'performance.md'));
  await writeDocs(folder, ROWS, 'Measured once.');
  const once = readFileSync(join(folder, 'performance.md'), 'utf8');
  await writeDocs(folder, ROWS, 'Measured once.');
  const twice = readFileSync(join(folder, 'performance.md'), 'utf8');

  expect(twice).toBe(once);
  expect(once).toMatch(/^\| drain +\| jetplug +\| 96,000 +\| .* \| 0\.96 +\| 3\.2 +\| ✔ ≥ 0\.95 × best +\|$/m);
  expect(once).toMatch(/^\| latency p50 +\| jetplug +\| .* \| 2 +\| 1\.6 +\| ✖ ≤ 1\.25 × best +\|$/m);
  expect(once).toContain('](performance.svg)');
  expect(asPrettierLeavesIt(once)).toBe(once);
});

test('the chart shows only rates per second', async () => {
  const folder = scene.folder();
  cpSync(join(ROOT, 'docs/performance.md'), join(folder, 'performance.md'));
  await writeDocs(folder, ROWS, 'Measured once.');
  const chart = readFileSync(join(folder, 'performance.svg'), 'utf8');
  expect(chart).toContain('>drain<');
  expect(chart).not.toContain('latency');
  // Three bars, one for each subject, and the squares of the legend.
  expect(chart.match(/<rect [^>]*fill="#0b6e4f"/g)).toHaveLength(2);
});

function asPrettierLeavesIt(page: string): string {
  const args = [join(ROOT, 'node_modules/prettier/bin/prettier.cjs'), '--stdin-filepath', 'performance.md'];
  return spawnSync(process.execPath, args, { cwd: ROOT, input: page, encoding: 'utf8' }).stdout;
}
