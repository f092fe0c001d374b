import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { Connection } from '../nats/connection';
import type { LiveFilter, LiveMessage } from '../records/runs/live-runs';
import { reachesBroker, repeated, withBroker, type CommonFlags } from './common';
import { assertSubject, readField } from '../ops/find-events';
import { followEvents, followRuns } from './follow-runs';
import { interrupted } from './interrupted';
import { paint, print } from './output';
import { TailLines } from './tail-lines';

interface TailFlags extends CommonFlags {
  plugin?: string;
  only?: string;
  where?: string[];
}

/** The time in which a host answers that it watches. */
const FIRST_ANSWER_MS = 2_000;

export function tailCommand(program: Command): void {
  reachesBroker(program.command('tail'))
    .argument('[subject]', 'only events of this subject, which may have wildcards')
    .option('--plugin <name>', 'only runs of this plugin, or of one handler: PLUGIN.HANDLER')
    .option('--only <outcome>', 'only runs that were handled, or that failed: handled or failed')
    .option('--where <field=value>', 'only events with this value of a field; several: all must hold', repeated)
    .description('print each event as it is handled: by whom, how long it took, and what came of it')
    .addHelpText(
      'after',
      `
It prints one line for an event, with all its runs. If there are more runs than a screen can show, it leaves some out and
says how many; failed runs are left out last. With --json it prints one JSON object for each run. Ctrl-C ends it.

Examples:
  $ jetplug tail
  $ jetplug tail 'video.>' --only failed
  $ jetplug tail --plugin badge --where user_id=u1 --json`,
    )
    .action(tail);
}

async function tail(subject: string | undefined, flags: TailFlags): Promise<void> {
  const filter = filterOf(subject, flags);
  await withBroker(flags, (connection) => follow(connection, filter, flags.json ?? false));
}

/** @throws JetplugError `JP_USAGE` */
function filterOf(subject: string | undefined, { plugin: name, only, where }: TailFlags): LiveFilter {
  assertSubject(subject);
  if (only !== undefined && only !== 'handled' && only !== 'failed') {
    throw new JetplugError('JP_USAGE', `--only takes handled or failed, and got ${JSON.stringify(only)}`);
  }
  const [plugin, handler] = name?.split('.') ?? [];
  return {
    ...{ subject, plugin, handler },
    ...(only !== undefined && { handled: only === 'handled' }),
    ...(where && { fields: where.map(readField) }),
  };
}

/** Prints runs until the command is interrupted. @throws JetplugError `JP_NO_HOST` */
async function follow(connection: Connection, filter: LiveFilter, asJson: boolean): Promise<void> {
  const following = asJson
    ? followRuns(connection, filter, printRuns)
    : followEvents(connection, filter, new TailLines(), print);
  try {
    const ended = interrupted();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, FIRST_ANSWER_MS))]);
    if (following.hosts === 0) throw new JetplugError('JP_NO_HOST', 'no running host answered');
    if (!asJson && process.stdout.isTTY) print(paint('dim', 'waiting for events; Ctrl-C ends'));
    await ended;
  } finally {
    following.stop();
  }
}

function printRuns({ host, runs, left }: LiveMessage): void {
  for (const run of runs) print(JSON.stringify({ host, ...run }));
  if (left > 0) print(JSON.stringify({ host, left }));
}
