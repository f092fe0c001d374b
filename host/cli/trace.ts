import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { terminalText } from '../base/utf8';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { RunStream } from '../nats/run-stream';
import { findTrace } from '../ops/find-trace';
import { rootAt } from '../ops/root-at';
import type { Trace } from '../ops/trace';
import { reachesBroker, repeated, withBroker, type CommonFlags } from './common';
import { findEvents, readFilter, type EventFilter, type FoundEvent } from '../ops/find-events';
import { paint, print, printJson } from './output';
import { parseTime } from '../ops/parse-time';
import { progressBar, StreamBars } from './progress';
import { traceLines } from './trace-screen';

interface TraceFlags extends CommonFlags {
  find?: string[];
  subject?: string;
  since?: string;
  limit: string;
}

const LIMIT = '20';

export function traceCommand(program: Command): void {
  reachesBroker(program.command('trace'))
    .argument('[event]', 'the id of an event, its STREAM:SEQUENCE, or a correlation id')
    .option(
      '--find <field=value>',
      'list the events with this value in place of a trace; several: all must hold',
      repeated,
    )
    .option('--subject <subject>', 'with a search: only events of this subject, which may have wildcards')
    .option('--since <time>', 'with a search: only events since: an ISO time, or how long ago, such as 2h')
    .option('--limit <n>', 'with a search: how many events to list', LIMIT)
    .description('the tree that an event belongs to: who handled what, when, how long, and what came of it')
    .addHelpText(
      'after',
      `
It reads the records of runs on the server, so it works also when no host runs. Hosts store the records within a second.

Examples:
  $ jetplug trace EVENTS:12
  $ jetplug trace 6f1c1d1e-8f4a-8c39-9d0a-3c1b8f1f6b52 --json
  $ jetplug trace --find user_id=u1 --since 1h`,
    )
    .action(trace);
}

async function trace(event: string | undefined, flags: TraceFlags): Promise<void> {
  const isSearch = flags.find !== undefined || flags.subject !== undefined || flags.since !== undefined;
  if ((event === undefined) !== isSearch) {
    throw new JetplugError('JP_USAGE', 'give an event, or a search with --find, --subject or --since', {
      hint: 'For example `npx jetplug trace EVENTS:12`, or `npx jetplug trace --find user_id=u1 --since 1h`.',
    });
  }
  if (event !== undefined) return showTrace(event, flags);
  const filter = readFilter(
    flags.find ?? [],
    flags.subject,
    flags.since === undefined ? -Infinity : parseTime(flags.since),
  );
  const limit = limitOf(flags.limit);
  const found = await withBroker(flags, (connection, { config }) =>
    listEvents(connection, config, filter, limit, flags),
  );
  if (flags.json) return printJson(found);
  if (found.length === 0) print('no stored event matches');
  else
    print(
      paint(
        'dim',
        `npx jetplug trace ${terminalText(found[0]!.stream)}:${found[0]!.sequence} shows the tree of the first.`,
      ),
    );
}

async function showTrace(event: string, flags: CommonFlags): Promise<void> {
  const found = await withBroker(flags, (connection, { config }) => readTrace(connection, config, event));
  if (flags.json) return printJson(found);
  for (const line of traceLines(found, process.stdout.columns)) print(line);
}

async function readTrace(connection: Connection, config: Config, event: string): Promise<Trace> {
  const runs = await RunStream.find(connection);
  const root = await rootAt(connection, config, event);
  const bar = progressBar('reading records');
  try {
    return await findTrace(runs, event, root, (share) => bar.update(share * 100, 100));
  } finally {
    bar.stop();
  }
}

/** Prints each event as it is found, because a search may take long. */
async function listEvents(
  connection: Connection,
  config: Config,
  filter: EventFilter,
  limit: number,
  { json = false }: CommonFlags,
): Promise<FoundEvent[]> {
  const all: FoundEvent[] = [];
  const bars = new StreamBars();
  try {
    for await (const { found } of findEvents(connection, config, filter, { searched: bars.searched })) {
      // The event is printed where the bar stands.
      bars.stop();
      if (!json) print(foundLine(found));
      if (all.push(found) === limit) break;
    }
  } finally {
    bars.stop();
  }
  return all;
}

function foundLine({ time, subject, stream, sequence, id }: FoundEvent): string {
  return `${paint('dim', time)}  ${paint('cyan', terminalText(subject))}  ${stream}:${sequence}  ${terminalText(id)}`;
}

/** @throws JetplugError `JP_USAGE` */
function limitOf(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit > 0) return limit;
  throw new JetplugError('JP_USAGE', `--limit takes a number from 1, and got ${JSON.stringify(text)}`);
}
