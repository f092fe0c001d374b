import type { Command } from 'commander';
import { dropWave } from '../ops/letters/drop';
import { readSummaries } from '../ops/letters/letter-services';
import { reachesBroker } from './common';
import { changeChosen, printLetters } from './dead-change';
import { withLetters } from './dead-letters';
import { redriveCommand } from './dead-redrive';
import { select, selects, type SelectionFlags } from './dead-selection';
import { show } from './dead-show';
import { printJson } from './output';

export function deadCommand(program: Command): void {
  const dead = program.command('dead').description('the dead letters: events that no retry will help');
  selects(reachesBroker(dead.command('list')))
    .description('list them, oldest first')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead list
  $ jetplug dead list --plugin badge --since 2h --json`,
    )
    .action(list);
  reachesBroker(dead.command('show'))
    .argument('<id>', 'the number that `dead list` gives')
    .description('show one: payload, error, stack and headers')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead show 1
  $ jetplug dead show 1 --json`,
    )
    .action(show);
  redriveCommand(dead);
  selects(reachesBroker(dead.command('drop')))
    .argument('[id...]', 'the numbers that `dead list` gives')
    .option('--all', 'every dead letter')
    .option('--dry-run', 'only show which letters are chosen')
    .description('remove them for good')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead drop 1
  $ jetplug dead drop --reason invalid-json --before 7d`,
    )
    .action(drop);
}

async function list(flags: SelectionFlags): Promise<void> {
  const letters = await withLetters(flags, async ({ stream }) => select(await readSummaries(stream), [], flags));
  if (flags.json) return printJson(letters);
  printLetters(letters);
}

async function drop(ids: string[], flags: SelectionFlags): Promise<void> {
  await changeChosen(ids, flags, { done: 'dropped', begin: async ({ stream }) => dropWave(stream) });
}
