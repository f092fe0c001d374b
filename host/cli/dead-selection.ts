import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { DeadLetterSummary } from '../ops/dead-letter-summary';
import type { CommonFlags } from './common';
import { letterTest, noLetter, type LetterFilter } from '../ops/letters/letter-filter';

/** The flags that choose dead letters. */
export interface SelectionFlags
  extends CommonFlags, Pick<LetterFilter, 'group' | 'plugin' | 'reason' | 'since' | 'before'> {
  all?: boolean;
  dryRun?: boolean;
}

/** Adds the flags that choose dead letters. */
export function selects(command: Command): Command {
  return command
    .option('--group <fingerprint>', 'those of one fault: the fingerprint that `dead list --json` gives')
    .option('--plugin <name>', 'of this plugin only')
    .option('--reason <reason>', 'with this reason only, such as invalid-json or attempts-exhausted')
    .option('--since <time>', 'that failed since: an ISO time, or how long ago, such as 2h')
    .option('--before <time>', 'that failed before: an ISO time, or how long ago');
}

/**
 * The letters that the ids and flags choose; all letters without ids and flags.
 * @throws JetplugError `JP_NOT_FOUND` for an id without a letter, `JP_USAGE` for an invalid id or time
 */
export function select(
  letters: readonly DeadLetterSummary[],
  ids: readonly string[],
  flags: SelectionFlags,
): DeadLetterSummary[] {
  const wanted = new Set(ids.map(numberOf));
  const fits = letterTest(flags);
  const chosen = letters.filter((letter) => (wanted.size === 0 || wanted.has(letter.id)) && fits(letter));
  const missing = [...wanted].find((id) => !letters.some((letter) => letter.id === id));
  if (missing !== undefined) throw noLetter(missing);
  return chosen;
}

/**
 * Refuses to change all letters unless `--all` is given, so that a forgotten flag does no harm.
 * @throws JetplugError `JP_USAGE`
 */
export function assertChosen(ids: readonly string[], flags: SelectionFlags): void {
  const { group, plugin, reason, since, before, all } = flags;
  if (ids.length > 0 || all || [group, plugin, reason, since, before].some((flag) => flag !== undefined)) return;
  throw new JetplugError(
    'JP_USAGE',
    'say which dead letters: by id, --group, --plugin, --reason, --since, --before, or --all',
  );
}

/**
 * Reads the id of a dead letter.
 * @throws JetplugError `JP_USAGE`
 */
export function numberOf(text: string): number {
  const id = Number(text);
  if (Number.isInteger(id) && id >= 1) return id;
  throw new JetplugError('JP_USAGE', `${JSON.stringify(text)} is not the number of a dead letter`, {
    hint: 'Give a number that `npx jetplug dead list` shows.',
  });
}
