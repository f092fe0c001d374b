import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { Connection } from '../nats/connection';
import { subscribeToHosts } from '../nats/service';
import type { LiveFilter, LiveMessage } from '../records/runs/live-runs';
import { reachesBroker, repeated, withBroker, type CommonFlags } from './common';
import { assertSubject, readField } from '../ops/find-events';
import { interrupted } from './interrupted';
import { paint, print } from './output';
import { TailLines } from './tail-lines';

interface TailFlags extends CommonFlags {
  plugin?: string;
  only?: string;
  where?: string[];
}

/** Hosts forget a watch that is not asked for again in 6 s. */
const ASK_AGAIN_MS = 2_000;
/** The time in which a host answers that it watches. */
const FIRST_ANSWER_MS = 2_000;
const FLUSH_MS = 100;

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
  const lines = new TailLines();
  let hosts = 0;
  const take = (answer: object): void => {
    if ('watches' in answer) hosts++;
    else if (asJson) printRuns(answer as LiveMessage);
    else lines.add(answer as LiveMessage, performance.now());
  };
  const subscription = subscribeToHosts(connection, 'tail', JSON.stringify(filter), take);
  const timers = [
    setInterval(() => subscription.ask(), ASK_AGAIN_MS),
    setInterval(() => lines.take(performance.now()).forEach(print), FLUSH_MS),
  ];
  try {
    const ended = interrupted();
    subscription.ask();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, FIRST_ANSWER_MS))]);
    if (hosts === 0) throw new JetplugError('JP_NO_HOST', 'no running host answered');
    if (!asJson && process.stdout.isTTY) print(paint('dim', 'waiting for events; Ctrl-C ends'));
    await ended;
    lines.take(Infinity).forEach(print);
  } finally {
    timers.forEach(clearInterval);
    subscription.stop();
  }
}

function printRuns({ host, runs, left }: LiveMessage): void {
  for (const run of runs) print(JSON.stringify({ host, ...run }));
  if (left > 0) print(JSON.stringify({ host, left }));
}
