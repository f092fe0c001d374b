import { Command, InvalidArgumentError, Option } from 'commander';
import { progressBar } from '../../host/cli/progress';
import { MISTAKES } from './mistakes';
import { report } from './report';
import { simulate, type Result } from './simulate';

interface Options {
  readonly seed?: number;
  readonly seeds: number;
  readonly from?: number;
  readonly mistake?: string;
  readonly lines: number;
}

const EXAMPLES = `
Examples:
  npm run sim                             runs 1,000 seeds, from a new first one
  npm run sim -- --seeds 10000 --from 1   runs the seeds 1 to 10,000
  npm run sim -- --seed 42                runs one seed, and prints its steps
  npm run sim -- --mistake ack-early      breaks a promise on purpose, and shows that a seed finds it

Mistakes:
${Object.entries(MISTAKES)
  .map(([name, { what }]) => `  ${name.padEnd(16)} ${what}`)
  .join('\n')}

Where standard output is no terminal, the result is JSON. Exit status: 0 if no promise is broken, else 1.`;

const command = new Command('sim')
  .description(
    'Runs hosts on a simulated broker and clock, with faults that a seed chooses, and checks what they promise.',
  )
  .option('--seed <number>', 'run this seed only, and print its steps', count)
  .option('--seeds <count>', 'how many seeds to run', count, 1_000)
  .option('--from <number>', 'the first seed (default: drawn from the time)', count)
  .option('--lines <count>', 'how many of its last steps a seed prints', count, 60)
  .addOption(new Option('--mistake <name>', 'break a promise on purpose').choices(Object.keys(MISTAKES)))
  .addHelpText('after', EXAMPLES);

void run(command.parse().opts<Options>());

async function run(options: Options): Promise<void> {
  const { seed, lines, mistake } = options;
  const startedMs = performance.now();
  const results = seed === undefined ? await runMany(options) : [await simulate(seed, { mistake })];
  const seconds = (performance.now() - startedMs) / 1_000;
  const broken = results.filter(({ violations }) => violations.length > 0);
  if (broken.length > 0) process.exitCode = 1;
  if (!process.stdout.isTTY) return print(JSON.stringify(summaryOf(results, seconds, mistake)));
  for (const result of broken) print(`${report(result, lines, mistake)}\n`);
  if (seed !== undefined && broken.length === 0) print(results[0]!.trace.slice(-lines).join('\n'));
  const rate = Math.round((60 * results.length) / seconds);
  print(
    `${results.length} schedules in ${seconds.toFixed(1)} s (${rate} per minute): ${broken.length} break a promise`,
  );
}

/** Runs the seeds until one of them breaks a promise. */
async function runMany({ seeds, from = Date.now() % 1_000_000_000, mistake }: Options): Promise<Result[]> {
  const bar = progressBar('schedules');
  const results: Result[] = [];
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await simulate(seed, { mistake });
    const isBroken = result.violations.length > 0;
    // Only the steps of a broken schedule are of interest.
    results.push(isBroken ? result : { ...result, trace: [] });
    bar.update(results.length, seeds, `seed ${seed}`);
    if (isBroken) break;
  }
  bar.stop();
  return results;
}

function summaryOf(results: readonly Result[], seconds: number, mistake: string | undefined): object {
  return {
    schedules: results.length,
    seconds: Number(seconds.toFixed(1)),
    firstSeed: results[0]!.seed,
    ...(mistake !== undefined && { mistake }),
    broken: results
      .filter(({ violations }) => violations.length > 0)
      .map(({ seed, violations, schedule, trace, hash }) => ({ seed, violations, schedule, hash, trace })),
  };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}
