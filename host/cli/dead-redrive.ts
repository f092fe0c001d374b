import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { redriveWave, prepareRetries, type RedriveOptions } from '../ops/letters/redrive';
import { assertTarget, readTarget } from '../ops/letters/redrive-target';
import { reachesBroker } from './common';
import { changeChosen } from './dead-change';
import { editPayload } from './dead-edit';
import { selects, type SelectionFlags } from './dead-selection';

interface RedriveFlags extends SelectionFlags {
  readonly edit?: boolean;
  readonly to?: string;
  readonly rate?: string;
}

export function redriveCommand(dead: Command): void {
  selects(reachesBroker(dead.command('redrive')))
    .argument('[id...]', 'the numbers that `dead list` gives')
    .option('--all', 'every dead letter')
    .option('--dry-run', 'only show which letters are chosen')
    .option('--edit', 'edit the payload in $EDITOR first; one letter only')
    .option('--to <plugin.handler>', 'send the events to another handler, such as the successor of a removed plugin')
    .option('--rate <n/s>', 'at most so many events in a second, such as 100/s')
    .description(
      'send each event to the handler that failed once more; its letter is removed when the event is settled',
    )
    .addHelpText(
      'after',
      `
An edited event keeps its stream and sequence, so everything that the handler does for it still counts once.

Examples:
  $ jetplug dead redrive 1 2
  $ jetplug dead redrive --plugin badge --dry-run
  $ jetplug dead redrive --group 3f2a9c01d4e5 --rate 100/s
  $ jetplug dead redrive 1 --edit
  $ jetplug dead redrive --plugin badge --to medal.award`,
    )
    .action(redrive);
}

async function redrive(ids: string[], flags: RedriveFlags): Promise<void> {
  const to = flags.to === undefined ? undefined : readTarget(flags.to);
  const ratePerS = flags.rate === undefined ? undefined : readRate(flags.rate);
  if (flags.edit && flags.dryRun) throw new JetplugError('JP_USAGE', '--edit and --dry-run do not go together');
  await changeChosen(ids, flags, {
    done: 'redriven',
    ratePerS,
    begin: async (services, letters) => {
      if (to) await assertTarget(to, letters, services.connection);
      const edited = flags.edit ? await editPayload(letters, services) : undefined;
      const options: RedriveOptions = { to, edited };
      await prepareRetries(letters, services, options);
      return redriveWave(services, options);
    },
  });
}

/** @throws JetplugError `JP_USAGE` */
function readRate(text: string): number {
  const [, number] = /^(\d+(?:\.\d+)?)(?:\/s)?$/.exec(text) ?? [];
  const rate = Number(number);
  if (rate > 0) return rate;
  throw new JetplugError('JP_USAGE', `--rate takes a number of events in a second, and got ${JSON.stringify(text)}`, {
    hint: 'Write for example --rate 100/s.',
  });
}
