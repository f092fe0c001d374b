/** The simulation of hosts, broker, clock and faults: it is repeatable, and it finds promises that are broken on purpose. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { rowsOf } from '../support/markdown';
import { NO_FAULTS } from './faults';
import { MISTAKES } from './mistakes';
import { PROMISES } from './promises';
import { simulate } from './simulate';

/** How many seeds a broken promise may need until one shows it. */
const SEEDS_FOR_A_MISTAKE = 60;
const SEEDS = 15;

test('a seed runs the same steps each time', async () => {
  for (const seed of [1, 2, 3]) {
    const [first, second] = [await simulate(seed), await simulate(seed)];
    expect(second.trace).toEqual(first.trace);
    expect(second.hash).toBe(first.hash);
  }
});

test('the host keeps its promises under the faults of some seeds', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations } = await simulate(seed);
    expect({ seed, violations }).toEqual({ seed, violations: [] });
  }
});

test.each(Object.entries(MISTAKES))('a seed finds the broken promise %s', async (mistake, { breaks }) => {
  for (let seed = 1; seed <= SEEDS_FOR_A_MISTAKE; seed++) {
    const { violations } = await simulate(seed, { mistake });
    if (violations.length === 0) continue;
    expect(breaks).toContain(violations[0]!.promise);
    return;
  }
  throw new Error(`none of ${SEEDS_FOR_A_MISTAKE} seeds has found it`);
});

test('docs/simulation.md names every mistake, fault and promise', () => {
  const named = rowsOf('docs/simulation.md').map(([name]) => name);
  expect(named).toEqual(expect.arrayContaining([MISTAKES, NO_FAULTS, PROMISES].flatMap((table) => Object.keys(table))));
  const mistakes = rowsOf('docs/simulation.md').filter(([name = '']) => name in MISTAKES);
  expect(mistakes.map(([name, what]) => [name, what])).toEqual(
    Object.entries(MISTAKES).map(([name, { what }]) => [name, what]),
  );
});

test('the command reports a seed that breaks a promise as JSON, with its steps', () => {
  const program = join(__dirname, 'run.cjs');
  const { status, stdout } = spawnSync(process.execPath, [program, '--from', '1', '--mistake', 'drop-letter'], {
    encoding: 'utf8',
  });
  const { broken } = JSON.parse(stdout) as { broken: { violations: { promise: string }[]; trace: string[] }[] };
  expect(broken).toHaveLength(1);
  expect(broken[0]!.violations[0]!.promise).toBe('no-event-lost');
  expect(broken[0]!.trace.length).toBeGreaterThan(20);
  expect(status).toBe(1);
});
