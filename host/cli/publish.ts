import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { isJetplugError, isPublishSubject, JetplugError, type EventContract } from '../../sdk/internal';
import type { Config } from '../config/config';
import { refuseReserved } from '../effects/publishable';
import type { OutgoingEvent } from '../broker/ports';
import type { Connection } from '../nats/connection';
import { asBrokerError } from '../nats/failures';
import { Publisher } from '../nats/publisher';
import { compile } from '../load/compile';
import { discover } from '../load/discover';
import { configFor, listOption, reachesBroker, withBroker, type CommonFlags } from './common';
import { eventOf, linesOf, standardInput } from './event-text';
import { errorsOf, paint, print, printErrors, printJson } from './output';
import { progressBar } from './progress';
import { refuseUntaken, takersFields, takersOf, takersText, type Takers } from './takers';

interface PublishFlags extends CommonFlags {
  file?: string;
  force?: boolean;
}

/** How many publishes may be unconfirmed at a time. */
const IN_FLIGHT = 256;
const MAX_SHOWN = 10;

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
It says how many handlers take the event.

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
  if (args.length > 2) {
    throw new JetplugError(
      'JP_USAGE',
      `publish takes a subject and one JSON object, and got ${args.length} arguments`,
      {
        hint: 'Put the JSON in single quotes, or the shell takes it apart: \'{"user_id":"u1"}\'. A flag takes one value: repeat it for another, or use commas.',
      },
    );
  }
  if (!isPublishSubject(subject))
    throw new JetplugError('JP_SUBJECT_INVALID', `cannot publish on ${JSON.stringify(subject)}`);
  refuseReserved(subject);
  if ((json === undefined) === (flags.file === undefined)) {
    throw new JetplugError('JP_USAGE', 'give either the JSON of one event (or -), or --file with many');
  }
  const { config } = configFor(flags);
  const contract = contractOf(subject, config, flags.json);
  if (!contract && !flags.json) {
    process.stderr.write(
      `${paint('yellow', '•', process.stderr)} no plugin has a contract for ${subject}; it is not validated\n`,
    );
  }
  const read: Read = (bytes) => eventOf(bytes, subject, contract, config.delivery);
  if (flags.file !== undefined) return publishFile(subject, flags.file, read, flags, config);
  const event = await read(json === '-' ? await standardInput() : Buffer.from(json!));
  const { id } = event;
  const takers = await withBroker(flags, async (connection) => {
    const found = await findTakers(subject, connection, config, flags);
    await new Publisher(connection).send(event);
    return found;
  });
  if (flags.json) return printJson({ subject, event_id: id, ...takersFields(takers) });
  print(`${paint('green', '✔')} ${subject} ${id}`);
  for (const line of takers ? takersText(takers) : []) print(line);
}

/** Holds one event against its contract. */
type Read = (bytes: Uint8Array) => Promise<OutgoingEvent>;

async function publishFile(
  subject: string,
  file: string,
  read: Read,
  flags: PublishFlags,
  config: Config,
): Promise<void> {
  const total = await checkFile(file, read);
  const bar = progressBar('publishing');
  const startedMs = performance.now();
  const rate = (done: number): number => Math.round(done / ((performance.now() - startedMs) / 1_000));
  const takers = await withBroker(flags, async (connection) => {
    const found = await findTakers(subject, connection, config, flags);
    const publisher = new Publisher(connection);
    const underWay = new Set<Promise<unknown>>();
    let done = 0;
    let failure: unknown;
    for await (const { bytes } of linesOf(file)) {
      const sent: Promise<void> = read(bytes)
        .then((event) => publisher.send(event))
        .then(
          () => bar.update(++done, total, `${done} of ${total}, ${rate(done)}/s`),
          (error: unknown) => void (failure ??= error),
        )
        .finally(() => underWay.delete(sent));
      underWay.add(sent);
      if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
      if (failure !== undefined) break;
    }
    await Promise.all(underWay);
    bar.stop();
    if (failure === undefined) return found;
    const [{ code, message, hint }] = errorsOf(failure) as [JetplugError];
    throw new JetplugError(code, `${message}; ${done} of ${total} events were published`, { hint, cause: failure });
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  if (flags.json) return printJson({ subject, published: total, seconds, rate: rate(total), ...takersFields(takers) });
  print(`${paint('green', '✔')} ${total} events on ${subject} in ${seconds.toFixed(1)} s, ${rate(total)}/s`);
  for (const line of takers ? takersText(takers) : []) print(line);
}

/** Nothing where it cannot be found out: whoever may publish need not be permitted to ask. */
async function findTakers(
  subject: string,
  connection: Connection,
  config: Config,
  { force, json }: PublishFlags,
): Promise<Takers | undefined> {
  const takers = await takersOf(subject, connection, config).catch((error: unknown) => {
    const { message } = asBrokerError(error, 'asking who takes the event');
    if (!json) process.stderr.write(`${paint('yellow', '•', process.stderr)} ${message}\n`);
    return undefined;
  });
  if (takers && !force) refuseUntaken(subject, takers);
  return takers;
}

/** A folder, pipe or the like. Where the file cannot be looked at, reading it says why. */
function isSpecial(file: string): boolean {
  try {
    return !statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Every line is checked before the first is published. */
async function checkFile(file: string, read: Read): Promise<number> {
  if (isSpecial(file)) {
    throw new JetplugError('JP_USAGE', `${file} is read twice, and can be read only once`, {
      hint: 'Give a plain file.',
    });
  }
  const problems: JetplugError[] = [];
  let total = 0;
  let invalid = 0;
  for await (const { bytes, line } of linesOf(file)) {
    total++;
    try {
      await read(bytes);
    } catch (error) {
      if (!isJetplugError(error)) throw error;
      if (++invalid <= MAX_SHOWN) problems.push(error.with({ file, line }));
    }
  }
  if (invalid === 0) return total;
  const more = invalid > MAX_SHOWN ? `, the first ${MAX_SHOWN} of them listed` : '';
  problems.push(
    new JetplugError('JP_EVENT_INVALID', `${invalid} of ${total} lines are invalid${more}; nothing was published`, {
      file,
    }),
  );
  throw new AggregateError(problems);
}

/** The contract of the subject, if a plugin knows one; a plugin that cannot be loaded knows none. */
function contractOf(subject: string, config: Config, json = false): EventContract | undefined {
  for (const file of discover(config.plugins.dirs).found) {
    try {
      const contract = compile(file).contracts.get(subject);
      if (contract) return contract;
    } catch (failure) {
      printErrors(errorsOf(failure), json);
    }
  }
  return undefined;
}
