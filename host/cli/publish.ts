import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { EventBus } from '../../sdk';
import { isJetplugError, isPublishSubject, JetplugError, type EventContract } from '../../sdk/internal';
import { systemClock } from '../clock';
import type { Config } from '../config/config';
import { JetStreamEventBus } from '../effects/event-bus';
import { decode } from '../message/decode';
import type { PayloadLimits } from '../message/handler';
import { validate } from '../message/validate';
import type { Connection } from '../nats/connection';
import { asBrokerError } from '../nats/failures';
import { Publisher } from '../nats/publisher';
import { compile } from '../plugin/compile';
import { discover } from '../plugin/discover';
import { configFor, reachesBroker, withBroker, type CommonFlags } from './common';
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
  reachesBroker(program.command('publish'))
    .argument('<subject>', 'such as video.watch_started')
    .argument('[json]', 'the fields as a JSON object, or - for standard input')
    .option('--file <events.ndjson>', 'a file with one JSON object a line')
    .option('--plugins <dir...>', 'the plugins folders whose contracts to validate against')
    .option('--force', 'publish even though no handler takes it')
    .description('validate an event against its contract and publish it')
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

async function publish(subject: string, json: string | undefined, flags: PublishFlags): Promise<void> {
  if (!isPublishSubject(subject))
    throw new JetplugError('JP_SUBJECT_INVALID', `cannot publish on ${JSON.stringify(subject)}`);
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
  const check = (text: string): Promise<Fields> => checked(text, subject, contract, config.delivery);
  if (flags.file !== undefined) return publishFile(subject, contract, flags.file, check, flags, config);
  const event = await check(json === '-' ? await standardInput() : json!);
  const [id, takers] = await withBroker(flags, async (connection) => {
    const found = await findTakers(subject, connection, config, flags);
    return [await send(busOn(new Publisher(connection)), event, subject, contract), found] as const;
  });
  if (flags.json) return printJson({ subject, event_id: id, ...takersFields(takers) });
  print(`${paint('green', '✔')} ${subject} ${id}`);
  for (const line of takers ? takersText(takers) : []) print(line);
}

async function publishFile(
  subject: string,
  contract: EventContract | undefined,
  file: string,
  check: (text: string) => Promise<Fields>,
  flags: PublishFlags,
  config: Config,
): Promise<void> {
  const total = await checkFile(file, check);
  const bar = progressBar('publishing');
  const startedMs = performance.now();
  const rate = (done: number): number => Math.round(done / ((performance.now() - startedMs) / 1_000));
  const takers = await withBroker(flags, async (connection) => {
    const found = await findTakers(subject, connection, config, flags);
    const bus = busOn(new Publisher(connection));
    const underWay = new Set<Promise<unknown>>();
    let done = 0;
    let failure: unknown;
    for await (const { text } of lines(file)) {
      const sent: Promise<void> = send(bus, JSON.parse(text) as Fields, subject, contract)
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

/** Every line is checked before the first is published. */
async function checkFile(file: string, check: (text: string) => Promise<Fields>): Promise<number> {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) {
    throw new JetplugError('JP_USAGE', `${file} is read twice, and can be read only once`, {
      hint: 'Give a plain file.',
    });
  }
  const problems: JetplugError[] = [];
  let total = 0;
  let invalid = 0;
  for await (const { text, line } of lines(file)) {
    total++;
    try {
      await check(text);
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

async function* lines(file: string): AsyncGenerator<{ text: string; line: number }> {
  const stream = createReadStream(file);
  let line = 0;
  try {
    for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
      line++;
      if (text.trim() !== '') yield { text, line };
    }
  } catch (cause) {
    throw new JetplugError('JP_USAGE', `cannot read ${file}: ${(cause as Error).message}`, { file, cause });
  }
}

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** An event as it is given: its fields, and of the envelope what its author wrote. */
interface Fields extends Record<string, unknown> {
  readonly event_id?: string;
  readonly timestamp?: string;
}

/** Holds an event against the limits of the config and its contract, as the hosts will. */
async function checked(
  text: string,
  subject: string,
  contract: EventContract | undefined,
  limits: PayloadLimits,
): Promise<Fields> {
  const origin = { stream: '-', sequence: 1, storedAtMs: Date.now() };
  const received = {
    subject,
    size: Buffer.byteLength(text),
    text: () => text,
    origin,
    header: () => undefined,
    headers: () => ({}),
  };
  const result = await validate(decode(received, limits), contract);
  if (result.kind === 'invalid') throw new JetplugError('JP_EVENT_INVALID', result.error.message);
  const { event_type } = result.event;
  if (event_type !== subject) {
    const given = JSON.stringify(event_type);
    throw new JetplugError('JP_EVENT_INVALID', `event_type is ${given}, the subject is ${subject}`);
  }
  return JSON.parse(text) as Fields;
}

async function send(
  bus: EventBus,
  event: Fields,
  subject: string,
  contract: EventContract | undefined,
): Promise<string> {
  // Checked before: what is there are strings.
  const { event_type: _type, event_id, timestamp, ...fields } = event;
  const options = {
    ...(event_id === undefined ? {} : { id: event_id }),
    ...(timestamp === undefined ? {} : { timestamp }),
  };
  return contract ? bus.publish(contract, fields, options) : bus.publish(subject, fields, options);
}

function busOn(publisher: Publisher): EventBus {
  return new JetStreamEventBus(publisher, systemClock);
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
