import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { KvLongTexts, type LongTexts } from '../records/long-texts';
import { layOut } from '../base/json-text';
import { retryRecord } from '../message/dead-letter';
import type { DeferredEvent } from '../broker/ports';
import { Bucket } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { durablePosition, ensureDurable } from '../nats/consumers';
import { DeadLetterStream, readHeaders, type StoredLetter } from '../nats/dead-letter-stream';
import { ensureManagedStream } from '../nats/managed-stream';
import { NatsRetryQueue } from '../nats/retry-queue';
import { isOurs } from '../nats/stream-comparison';
import { deadLetterStream, retryStream } from '../nats/wanted-streams';
import { redriven, summarise, type DeadLetterSummary } from '../ops/dead-letter-summary';
import { firstLine, utf8 } from '../base/utf8';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { assertChosen, noLetter, numberOf, select, selects, type SelectionFlags } from './dead-selection';
import { paint, print, printJson, table } from './output';
import { progressBar } from './progress';
import { retryQueueDurable } from '../broker/retry-queue';
import { HEADERS_LEFT_HEADER, keptHeaders, decodeHeader } from '../broker/letter-headers';

/** What a change of letters leans on. */
interface Broker {
  readonly connection: Connection;
  readonly texts: LongTexts;
}

export function deadCommand(program: Command): void {
  const dead = program.command('dead').description('the dead letters: events that no retry will help');
  selects(reachesBroker(dead.command('list')))
    .description('list them, oldest first')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead list
  $ jetplug dead list --plugin badge --since 2h --json`,
    )
    .action(list);
  reachesBroker(dead.command('show'))
    .argument('<id>', 'the number that `dead list` gives')
    .description('show one: payload, error, stack and headers')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead show 1
  $ jetplug dead show 1 --json`,
    )
    .action(show);
  selects(reachesBroker(dead.command('redrive')))
    .argument('[id...]', 'the numbers that `dead list` gives')
    .option('--all', 'every dead letter')
    .option('--dry-run', 'only say which')
    .description('give them back to the one handler that failed; each letter goes when its event is settled')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead redrive 1 2
  $ jetplug dead redrive --plugin badge --dry-run
  $ jetplug dead redrive --group 3f2a9c01d4e5`,
    )
    .action(redrive);
  selects(reachesBroker(dead.command('drop')))
    .argument('[id...]', 'the numbers that `dead list` gives')
    .option('--all', 'every dead letter')
    .option('--dry-run', 'only say which')
    .description('remove them for good')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead drop 1
  $ jetplug dead drop --reason invalid-json --before 7d`,
    )
    .action(drop);
}

async function list(flags: SelectionFlags): Promise<void> {
  const letters = await withLetters(flags, async (stream) => select(await summaries(stream), [], flags));
  if (flags.json) return printJson(letters);
  printTable(letters);
}

async function redrive(ids: string[], flags: SelectionFlags): Promise<void> {
  const work: Change = async (letter, stream, { connection, texts }) => {
    const stored = await stream.get(letter.id);
    if (!stored) return;
    const whole = await withWhatWasLeft(stored, connection);
    await new NatsRetryQueue(connection).defer(await withOwnRecord(redriven(whole), texts));
  };
  await change(ids, flags, 'redriven', work, prepareRoads);
}

async function drop(ids: string[], flags: SelectionFlags): Promise<void> {
  await change(ids, flags, 'dropped', (letter, stream) => stream.remove(letter.id));
}

type Change = (letter: DeadLetterSummary, stream: DeadLetterStream, broker: Broker) => Promise<void>;

/** Does something with each chosen letter, with a bar; the letters that were done are told. */
async function change(
  ids: string[],
  flags: SelectionFlags,
  done: string,
  work: Change,
  prepare?: typeof prepareRoads,
): Promise<void> {
  assertChosen(ids, flags);
  const chosen = await withLetters(flags, async (stream, broker, config) => {
    const letters = select(await summaries(stream), ids, flags);
    if (flags.dryRun || letters.length === 0) return letters;
    const bar = progressBar(done);
    await prepare?.(letters, broker.connection, config);
    for (const [i, letter] of letters.entries()) {
      await work(letter, stream, broker);
      bar.update(i + 1, letters.length, `${i + 1} of ${letters.length}`);
    }
    bar.stop();
    return letters;
  });
  if (flags.json) return printJson(chosen);
  printTable(chosen);
  const verb = flags.dryRun ? `would be ${done}` : done;
  print(`${chosen.length} ${chosen.length === 1 ? 'dead letter' : 'dead letters'} ${verb}`);
}

/** So that a host which starts later finds the handlers that something waits for. */
async function prepareRoads(
  letters: readonly DeadLetterSummary[],
  connection: Connection,
  config: Config,
): Promise<void> {
  const retries = retryStream(config);
  const isThere = await isOurs(connection, retries, config.deploy);
  if (!isThere) await ensureManagedStream(connection, retries, config.deploy);
  const handlers = new Map(letters.map((letter) => [`${letter.plugin}.${letter.handler}`, letter]));
  for (const { plugin, handler } of handlers.values()) {
    const road = retryQueueDurable(plugin, handler, config.delivery.ackWaitMs, config.deploy.name);
    // One that is there is as its host wants it, whose config may be another.
    if (!(await durablePosition(connection, road.stream, road.durable))) await ensureDurable(connection, road);
  }
}

/** A payload or headers that were too large to lie in the letter are still in the event's own stream. */
async function withWhatWasLeft(letter: StoredLetter, { jsm }: Connection): Promise<StoredLetter> {
  const leftPayload = letter.headers['x-payload-left-in-stream'] !== undefined;
  const leftHeaders = letter.headers[HEADERS_LEFT_HEADER] !== undefined;
  if (!leftPayload && !leftHeaders) return letter;
  const { stream, sequence } = summarise(letter);
  const message = await jsm.streams.getMessage(stream, { seq: sequence });
  if (message.time.getTime() !== Date.parse(letter.headers['x-original-time'] ?? '')) {
    // The stream was made again and counts anew: what is there now is another event.
    throw new JetplugError('JP_NOT_FOUND', `the event of dead letter ${letter.id} is no longer in stream ${stream}`, {
      hint: 'What was left out of the letter is lost with it; drop the letter with `dead drop`.',
    });
  }
  const kept = leftHeaders ? keptHeaders(readHeaders(message.header)) : letter;
  return {
    ...letter,
    headers: { ...kept.headers, ...letter.headers },
    repeated: kept.repeated,
    payload: leftPayload ? message.data : letter.payload,
  };
}

/** The event on its road and its letter may end at different times: each has its own record of what is long. */
async function withOwnRecord(event: DeferredEvent, texts: LongTexts): Promise<DeferredEvent> {
  const { plugin, handler, origin, pass, past } = event;
  if (past.appliedIn === undefined) return event;
  const text = await texts.get(past.appliedIn);
  if (text === undefined) {
    const message = `dead letter ${past.letter}: what its runs had applied, text.${past.appliedIn}, is gone`;
    throw new JetplugError('JP_NOT_FOUND', message);
  }
  const appliedIn = await texts.put(text, retryRecord(plugin, handler, origin, pass));
  return { ...event, past: { ...past, appliedIn } };
}

async function show(idText: string, flags: CommonFlags): Promise<void> {
  const id = numberOf(idText);
  const letter = await withLetters(flags, (stream) => stream.get(id));
  if (!letter) throw noLetter(id);
  const stack = decodeHeader(letter.headers['x-error-stack'] ?? '');
  const { text, form } = readable(letter.payload);
  if (flags.json) {
    const base64 = form === 'base64' ? { payloadBase64: text } : { payload: text };
    return printJson({ ...summarise(letter), stack, ...base64, headers: { ...letter.headers, ...letter.repeated } });
  }
  const { error, ...facts } = summarise(letter);
  for (const line of table(Object.entries(facts).map(([key, value]) => [paint('dim', key), String(value)])))
    print(line);
  print(`\n${paint('red', error)}\n${paint('dim', stack)}\n`);
  const left = letter.headers['x-payload-left-in-stream'];
  if (left !== undefined)
    return print(`payload (${left} bytes) left in its stream: nats stream get ${facts.stream} ${facts.sequence}`);
  print(`${paint('dim', `payload (${letter.payload.length} bytes${form === 'base64' ? ', base64' : ''})`)}\n${text}`);
}

function withLetters<T>(
  flags: CommonFlags,
  work: (stream: DeadLetterStream, broker: Broker, config: Config) => Promise<T>,
): Promise<T> {
  return withBroker(flags, async (connection, { config }) => {
    // What lies in another application's stream of that name is no dead letter, and must not be dropped as one.
    await isOurs(connection, deadLetterStream(config), config.deploy);
    const texts = new KvLongTexts(Bucket.at(connection, 'jetplug'), (message, details) => {
      throw new JetplugError('JP_STORE_UNAVAILABLE', message, { cause: details });
    });
    return work(new DeadLetterStream(connection, config.deadLetters.stream, texts), { connection, texts }, config);
  });
}

async function summaries(stream: DeadLetterStream): Promise<DeadLetterSummary[]> {
  const all: DeadLetterSummary[] = [];
  for await (const letter of stream.list()) all.push(summarise(letter));
  return all;
}

function printTable(letters: readonly DeadLetterSummary[]): void {
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

/** JSON indented and otherwise as it was sent, other text as it is, bytes in base64. */
function readable(payload: Uint8Array): { text: string; form: 'text' | 'base64' } {
  let text: string;
  try {
    text = utf8(payload);
  } catch {
    return { text: Buffer.from(payload).toString('base64'), form: 'base64' };
  }
  try {
    JSON.parse(text);
    return { text: layOut(text, 2), form: 'text' };
  } catch {
    return { text, form: 'text' }; // not JSON, which may be why it is here
  }
}
