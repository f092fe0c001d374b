import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { parseTime } from '../ops/parse-time';
import { askedEvent, sequenceOf } from './fate-event';
import { gatherEvidence } from './fate-evidence';
import { fateOf } from './fate-handler';
import { fateScreen, type EventFate } from './fate-screen';
import { subjectFate, subjectScreen } from './fate-subject';
import { print, printJson } from './output';

interface FateFlags extends CommonFlags {
  since?: string;
  subject?: string;
}

export function fateCommand(program: Command): void {
  reachesBroker(program.command('fate'))
    .argument('[event]', 'a stream with a sequence behind it, STREAM:SEQUENCE, or the id of the event')
    .argument('[sequence]', 'the sequence of the event in the stream')
    .option('--since <time>', 'search for an id only since: an ISO time, or how long ago, such as 2h')
    .option('--subject <subject>', 'no event: where one of this subject would go now, and why it reaches no stream')
    .description('the fate of one event in each handler')
    .addHelpText(
      'after',
      `
It reads the records on the server, so it works with no host running. Running hosts add what only they know. It
changes nothing.

The state of a handler is one of: done, running, retrying, waiting (for the end of a pause or of an outage), deferred
(in the retry queue), dead-lettered, pending (not delivered yet), filtered (the handler takes other subjects),
before-deployment (the handler began with later events), unknown.

Exits with 0 when the event is found, whatever became of it; with 1 when there is no such event. With --subject it
exits with 1 when an event of the subject would not be stored.

Examples:
  $ jetplug fate EVENTS 1203
  $ jetplug fate EVENTS:1203 --json
  $ jetplug fate 6f1c2a52-9f53-4c0e-8a53-1d0a3f0c7f11 --since 2h
  $ jetplug fate --subject video.watch_started`,
    )
    .action(fate);
}

async function fate(event: string | undefined, sequence: string | undefined, flags: FateFlags): Promise<void> {
  const sinceMs = flags.since === undefined ? -Infinity : parseTime(flags.since);
  if (flags.subject !== undefined) {
    if (event !== undefined) throw new JetplugError('JP_USAGE', 'give an event or --subject, not both');
    return fateOfSubject(flags.subject, flags);
  }
  if (event === undefined)
    throw new JetplugError('JP_USAGE', 'give a stream and a sequence, an event id, or --subject');
  const number = sequence === undefined ? undefined : sequenceOf(sequence);
  const result = await withBroker(flags, (connection, { config }) =>
    readFate(connection, config, event, number, sinceMs),
  );
  if (flags.json) return printJson(result);
  for (const line of fateScreen(result)) print(line);
}

/**
 * Reads the fate of an event, given by its stream and sequence, as STREAM:SEQUENCE, or by its id.
 * @throws JetplugError `JP_NOT_FOUND`, `JP_USAGE`
 */
export async function readFate(
  connection: Connection,
  config: Config,
  event: string,
  sequence?: number,
  sinceMs = -Infinity,
): Promise<EventFate> {
  const asked = await askedEvent(connection, config, event, sequence, sinceMs);
  const { event: facts, handlers, hosts } = await gatherEvidence(connection, config, asked);
  const { id, gone } = asked;
  return {
    stream: asked.stream,
    sequence: asked.sequence,
    ...(facts.subject !== undefined && { subject: facts.subject }),
    ...(id !== undefined && { id }),
    ...(facts.storedAtMs !== undefined && { time: new Date(facts.storedAtMs).toISOString() }),
    ...(gone !== undefined && { gone }),
    hosts,
    handlers: handlers.map((evidence) => {
      const { plugin, handler } = evidence;
      return { plugin, handler, ...fateOf(facts, evidence) };
    }),
  };
}

async function fateOfSubject(subject: string, flags: FateFlags): Promise<void> {
  const result = await withBroker(flags, (connection, { config }) => subjectFate(connection, config, subject));
  if (flags.json) printJson(result);
  else for (const line of subjectScreen(result)) print(line);
  if (result.state !== 'stored') process.exitCode = 1;
}
