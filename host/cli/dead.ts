import type { Command } from 'commander';
import { isJetplugError } from '../../sdk/internal';
import type { DeadLetterSummary } from '../ops/dead-letter-summary';
import { firstLine } from '../base/utf8';
import { reachesBroker } from './common';
import { summaries, withLetters, type LetterServices } from './dead-letters';
import { prepareRetries, redriveLetter } from './dead-redrive';
import { assertChosen, select, selects, type SelectionFlags } from './dead-selection';
import { show } from './dead-show';
import { paint, print, printJson, table } from './output';
import { progressBar } from './progress';

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
  selects(reachesBroker(dead.command('redrive')))
    .argument('[id...]', 'the numbers that `dead list` gives')
    .option('--all', 'every dead letter')
    .option('--dry-run', 'only show which letters are chosen')
    .description(
      'send each event to the handler that failed once more; its letter is removed when the event is settled',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead redrive 1 2
  $ jetplug dead redrive --plugin badge --dry-run
  $ jetplug dead redrive --group 3f2a9c01d4e5`,
    )
    .action(redrive);
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
  const letters = await withLetters(flags, async ({ stream }) => select(await summaries(stream), [], flags));
  if (flags.json) return printJson(letters);
  printTable(letters);
}

async function redrive(ids: string[], flags: SelectionFlags): Promise<void> {
  await changeChosen(ids, flags, { done: 'redriven', prepare: prepareRetries, change: redriveLetter });
}

async function drop(ids: string[], flags: SelectionFlags): Promise<void> {
  await changeChosen(ids, flags, { done: 'dropped', change: dropLetter });
}

async function dropLetter({ id }: DeadLetterSummary, { stream }: LetterServices): Promise<boolean> {
  await stream.remove(id);
  return true;
}

interface Change {
  /** The past participle for the messages, such as `redriven`. */
  readonly done: string;
  /** Prepares the changes. The call comes once, before the first letter is changed. */
  readonly prepare?: (letters: readonly DeadLetterSummary[], services: LetterServices) => Promise<void>;
  /** Changes one letter. Resolves with false if the letter is gone, so that there is nothing to change. */
  readonly change: (letter: DeadLetterSummary, services: LetterServices) => Promise<boolean>;
}

/**
 * Changes each chosen letter, and prints the letters that were changed.
 * @throws the error of the letter that could not be changed, or an AggregateError of several
 */
async function changeChosen(ids: string[], flags: SelectionFlags, action: Change): Promise<void> {
  assertChosen(ids, flags);
  const { changed, failures } = await withLetters(flags, async (services): Promise<Changed> => {
    const letters = select(await summaries(services.stream), ids, flags);
    if (flags.dryRun || letters.length === 0) return { changed: letters, failures: [] };
    return changeEach(letters, services, action);
  });
  printChanged(changed, flags, action.done);
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `some dead letters were not ${action.done}`);
}

interface Changed {
  readonly changed: readonly DeadLetterSummary[];
  readonly failures: readonly unknown[];
}

/** Changes the letters one after the other, with a progress bar. */
async function changeEach(
  letters: readonly DeadLetterSummary[],
  services: LetterServices,
  { done, prepare, change }: Change,
): Promise<Changed> {
  const changed: DeadLetterSummary[] = [];
  const failures: unknown[] = [];
  await prepare?.(letters, services);
  const bar = progressBar(done);
  for (const [i, letter] of letters.entries()) {
    try {
      if (await change(letter, services)) changed.push(letter);
    } catch (error) {
      failures.push(error);
      // A letter whose event is gone concerns no other letter. Any other failure would meet the next letters, too.
      if (!isJetplugError(error) || error.code !== 'JP_NOT_FOUND') break;
    }
    bar.update(i + 1, letters.length, `${i + 1} of ${letters.length}`);
  }
  bar.stop();
  return { changed, failures };
}

function printChanged(letters: readonly DeadLetterSummary[], flags: SelectionFlags, done: string): void {
  if (flags.json) return printJson(letters);
  printTable(letters);
  const verb = flags.dryRun ? `would be ${done}` : done;
  print(`${letters.length} ${letters.length === 1 ? 'dead letter' : 'dead letters'} ${verb}`);
}

function printTable(letters: readonly DeadLetterSummary[]): void {
  if (letters.length === 0) return print('no dead letters');
  const head = ['id', 'plugin.handler', 'reason', 'tries', 'event', 'failed at', 'error'].map((text) =>
    paint('dim', text),
  );
  const rows = letters.map((letter) => [
    String(letter.id),
    `${letter.plugin}.${letter.handler}`,
    letter.reason,
    String(letter.attempts),
    `${letter.subject} ${letter.stream}:${letter.sequence}`,
    letter.time,
    firstLine(letter.error, 80),
  ]);
  for (const line of table([head, ...rows])) print(line);
}
