import { firstLine } from '../base/utf8';
import type { DeadLetterSummary } from '../ops/dead-letter-summary';
import type { Change } from '../ops/audited';
import { changeLetters, type Changed, type ChangeWave } from '../ops/letters/change-letters';
import { readSummaries, type LetterServices } from '../ops/letters/letter-services';
import { auditedCommand } from './audited-command';
import { withLetters } from './dead-letters';
import { assertChosen, select, type SelectionFlags } from './dead-selection';
import { paint, print, printJson, table } from './output';
import { progressBar } from './progress';

/** A change of dead letters. */
export interface LetterChange {
  /** The past participle for the messages, such as `redriven`. */
  readonly done: 'redriven' | 'dropped';
  readonly ratePerS?: number | undefined;
  /** Prepares the change of the chosen letters. Not called for a dry run, or where no letter is chosen. */
  begin(services: LetterServices, letters: readonly DeadLetterSummary[]): Promise<ChangeWave>;
}

/**
 * Changes each chosen letter, and prints the letters that were changed.
 * @throws the error of the letter that could not be changed, or an AggregateError of several
 */
export async function changeChosen(ids: readonly string[], flags: SelectionFlags, action: LetterChange): Promise<void> {
  assertChosen(ids, flags);
  const { changed, failures } = await withLetters(flags, async (services, config): Promise<Changed> => {
    const letters = select(await readSummaries(services.stream), ids, flags);
    if (flags.dryRun || letters.length === 0) return { changed: letters, failures: [] };
    return auditedCommand(services.connection, config, auditedChange(letters, action), async () =>
      changeWithBar(letters, await action.begin(services, letters), action),
    );
  });
  printChanged(changed, flags, action.done);
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `some dead letters were not ${action.done}`);
}

const MAX_TARGETS = 5;

function auditedChange(letters: readonly DeadLetterSummary[], { done }: LetterChange): Change {
  const handlers = [...new Set(letters.map(({ plugin, handler }) => `${plugin}.${handler}`))];
  const more = handlers.length > MAX_TARGETS ? ` and ${handlers.length - MAX_TARGETS} more` : '';
  return {
    action: done === 'dropped' ? 'drop' : 'redrive',
    target: handlers.slice(0, MAX_TARGETS).join(', ') + more,
    detail: { letters: letters.length },
  };
}

async function changeWithBar(
  letters: readonly DeadLetterSummary[],
  wave: ChangeWave,
  { done: name, ratePerS }: LetterChange,
): Promise<Changed> {
  const bar = progressBar(name);
  try {
    return await changeLetters(letters, wave, {
      ratePerS,
      progress: ({ done }) => bar.update(done, letters.length, `${done} of ${letters.length}`),
    });
  } finally {
    bar.stop();
  }
}

function printChanged(letters: readonly DeadLetterSummary[], flags: SelectionFlags, done: string): void {
  if (flags.json) return printJson(letters);
  printLetters(letters);
  const verb = flags.dryRun ? `would be ${done}` : done;
  print(`${letters.length} ${letters.length === 1 ? 'dead letter' : 'dead letters'} ${verb}`);
}

export function printLetters(letters: readonly DeadLetterSummary[]): void {
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
