/** `npm run bench` compares Jetplug with the plain NATS client. See docs/performance.md. */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Command, InvalidArgumentError } from 'commander';
import { PACKAGE_ROOT } from '../examples/demo/host-process';
import { Screen } from '../examples/demo/screen';
import { CASES, casesNamed } from './cases';
import type { Case } from './core/case';
import { writeDocs } from './core/docs';
import { Ground, type SyncInterval } from './core/ground';
import { playRounds } from './core/rounds';
import { rowsOf, type Row } from './core/rows';
import { tableOf } from './core/table';

interface Flags {
  readonly cases: readonly Case[];
  readonly rounds: number;
  readonly events?: number;
  readonly json: boolean;
  readonly writeDocs: boolean;
}

const command = new Command('npm run bench --')
  .description('Measures Jetplug beside the plain NATS client, on a nats-server of its own.')
  .option('--cases <names>', 'which cases, separated by commas', parseCases, CASES)
  .option('--rounds <n>', 'how often each of them is measured', parseCount, 5)
  .option('--events <n>', 'how many events, in place of each case’s own number; for a quick look', parseCount)
  .option('--json', 'print the rows as JSON, and nothing else', false)
  .option('--write-docs', 'write table and chart into docs/', false)
  .addHelpText(
    'after',
    `
Cases:
${CASES.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join('\n')}

Examples:
  $ npm run bench
  $ npm run bench -- --cases drain --rounds 3
  $ npm run bench -- --cases drain,publish --rounds 1 --events 2000
  $ npm run --silent bench -- --cases drain,fan-out --rounds 5 --json`,
  );
// Without a description the help would show the functions in the list.
command.options[0]!.defaultValueDescription = 'all';

async function main(): Promise<void> {
  const flags = command.parse().opts<Flags>();
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  const { rows, failures } = await measure(flags, stop.signal);
  if (flags.json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
  else new Screen(false).table(tableOf(rows));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join('\n'));
  if (flags.writeDocs) await writeDocs(join(PACKAGE_ROOT, 'docs'), rows, howMeasured(flags));
}

/** A case that fails does not affect the other cases. */
async function measure(
  { cases, rounds, events }: Flags,
  signal: AbortSignal,
): Promise<{ rows: Row[]; failures: Error[] }> {
  // Standard output has only the result.
  const progress = new Screen(false, process.stderr);
  const open = (syncInterval: SyncInterval): Promise<Ground> =>
    Ground.open({
      syncInterval,
      events,
      signal,
      say: (what) => progress.status(what),
      warn: (what) => progress.say(what),
    });
  // The default interval of nats-server, because most cases do not measure the disk.
  let ground = await open('2m');
  try {
    const rows: Row[] = [];
    const failures: Error[] = [];
    for (const one of cases) {
      const { syncInterval = '2m' } = one;
      if (syncInterval !== ground.syncInterval) {
        await ground.close();
        ground = await open(syncInterval);
      }
      try {
        rows.push(...rowsOf(await playRounds(ground, one, rounds)));
      } catch (cause) {
        signal.throwIfAborted();
        failures.push(new Error(`the case ${one.name} failed: ${(cause as Error).message}`, { cause }));
      }
    }
    return { rows, failures };
  } finally {
    progress.settle();
    await ground.close();
  }
}

function howMeasured({ rounds, events }: Flags): string {
  const [{ model } = { model: 'unknown CPU' }, ...others] = cpus();
  const amount = events === undefined ? '' : `, ${events} events in place of each case’s own number`;
  const day = new Date().toISOString().slice(0, 10);
  return `Measured on ${day} with Node.js ${process.version} on ${others.length + 1} cores (${model}): ${rounds} rounds${amount}.`;
}

function parseCases(text: string): Case[] {
  try {
    return casesNamed(text.split(','));
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function parseCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}

main().catch((error: unknown) => {
  process.stderr.write(`${inspect(error)}\n`);
  process.exitCode = 1;
});
