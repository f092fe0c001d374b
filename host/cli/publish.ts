import type { Command } from 'commander';
import { isPublishSubject, JetplugError, type EventContract } from '../../sdk/internal';
import type { Config } from '../config/config';
import { refuseReserved } from '../effects/publishable';
import type { Connection } from '../nats/connection';
import { asBrokerError } from '../nats/failures';
import { Publisher } from '../nats/publisher';
import { refuseUntaken, takersOf, type Takers } from '../ops/takers';
import { compile } from '../load/compile';
import { discover } from '../load/discover';
import { configFor, listOption, reachesBroker, withBroker, type CommonFlags } from './common';
import { eventOf } from '../ops/event-text';
import { standardInput } from './event-text';
import { errorsOf, paint, print, printErrors, printJson } from './output';
import { publishFile, type ReadEvent } from './publish-file';
import { takersFields, takersText } from './takers-text';

interface PublishFlags extends CommonFlags {
  file?: string;
  force?: boolean;
}

export function publishCommand(program: Command): void {
  const command = reachesBroker(program.command('publish'));
  listOption(command, '--plugins', 'dir', 'a plugins folder whose contracts to validate against')
    .argument('<subject>', 'such as video.watch_started')
    .argument('[json]', 'the fields as a JSON object, or - for standard input')
    .option('--file <events.ndjson>', 'a file with one JSON object a line')
    .option('--force', 'publish even though no handler takes it')
    .description('validate an event against its contract and publish it')
    .allowExcessArguments()
    .addHelpText(
      'after',
      `
It prints how many handlers take the event.

Exits with 1 when an event is invalid, or no handler takes it; then nothing is published.

Examples:
  $ jetplug publish video.watch_started '{"user_id":"u1","video_id":"v1"}'
  $ echo '{"user_id":"u1","video_id":"v1"}' | jetplug publish video.watch_started -
  $ jetplug publish video.watch_started --file events.ndjson`,
    )
    .action(publish);
}

async function publish(
  subject: string,
  json: string | undefined,
  flags: PublishFlags,
  { args }: Command,
): Promise<void> {
  assertArguments(subject, json, flags, args);
  const { config } = configFor(flags);
  const contract = contractOf(subject, config, flags.json);
  if (!contract && !flags.json) warn(`no plugin has a contract for ${subject}; it is not validated`);
  const read: ReadEvent = (bytes) => eventOf(bytes, subject, contract, config.delivery);
  const publishIfTaken: PublishIfTaken = (send) =>
    withBroker(flags, async (connection) => {
      const takers = await findTakers(subject, connection, config, flags);
      await send(Publisher.start(connection));
      return takers;
    });
  if (flags.file !== undefined) return publishEvents(subject, flags.file, read, flags, publishIfTaken);
  const event = await read(json === '-' ? await standardInput() : Buffer.from(json!));
  const takers = await publishIfTaken((publisher) => publisher.send(event));
  if (flags.json) return printJson({ subject, event_id: event.id, ...takersFields(takers) });
  print(`${paint('green', '✔')} ${subject} ${event.id}`);
  printTakers(takers);
}

/**
 * Checks the arguments of the command.
 * @throws JetplugError `JP_USAGE`, `JP_SUBJECT_INVALID`, or the error for a subject that only the host may use
 */
function assertArguments(
  subject: string,
  json: string | undefined,
  { file }: PublishFlags,
  args: readonly string[],
): void {
  if (args.length > 2) {
    const message = `publish takes a subject and one JSON object, and got ${args.length} arguments`;
    throw new JetplugError('JP_USAGE', message, {
      hint: 'Put the JSON in single quotes, or the shell takes it apart: \'{"user_id":"u1"}\'. A flag takes one value: repeat it for another, or use commas.',
    });
  }
  if (!isPublishSubject(subject))
    throw new JetplugError(
      'JP_SUBJECT_INVALID',
      `cannot publish on ${JSON.stringify(subject)}: it is not a valid subject`,
    );
  refuseReserved(subject);
  if ((json === undefined) === (file === undefined)) {
    throw new JetplugError('JP_USAGE', 'give either the JSON of one event (or -), or --file with many');
  }
}

/** Connects, finds the takers, and calls `send` only if a handler takes the subject or `--force` is given. */
type PublishIfTaken = (send: (publisher: Publisher) => Promise<unknown>) => Promise<Takers | undefined>;

async function publishEvents(
  subject: string,
  file: string,
  read: ReadEvent,
  { json }: PublishFlags,
  publishIfTaken: PublishIfTaken,
): Promise<void> {
  const { total, seconds, result: takers } = await publishFile(file, read, publishIfTaken);
  const rate = Math.round(total / seconds);
  if (json) return printJson({ subject, published: total, seconds, rate, ...takersFields(takers) });
  print(`${paint('green', '✔')} ${total} events on ${subject} in ${seconds.toFixed(1)} s, ${rate}/s`);
  printTakers(takers);
}

/**
 * Finds the takers. Returns undefined where that fails, because a user who may publish need not have permission to ask.
 */
async function findTakers(
  subject: string,
  connection: Connection,
  config: Config,
  { force, json }: PublishFlags,
): Promise<Takers | undefined> {
  const takers = await takersOf(subject, connection, config).catch((error: unknown) => {
    const { message } = asBrokerError(error, 'asking who takes the event');
    if (!json) warn(message);
    return undefined;
  });
  if (takers && !force) refuseUntaken(subject, takers);
  return takers;
}

/** The contract of the subject, if a plugin has one. A plugin that cannot be loaded is reported and skipped. */
function contractOf(subject: string, config: Config, json = false): EventContract | undefined {
  for (const file of discover(config.plugins.dirs).found) {
    try {
      const contract = compile(file).contracts.findLast((one) => one.contract.subject === subject)?.contract;
      if (contract) return contract;
    } catch (failure) {
      printErrors(errorsOf(failure), json);
    }
  }
  return undefined;
}

function printTakers(takers: Takers | undefined): void {
  for (const line of takers ? takersText(takers) : []) print(line);
}

function warn(message: string): void {
  process.stderr.write(`${paint('yellow', '•', process.stderr)} ${message}\n`);
}
