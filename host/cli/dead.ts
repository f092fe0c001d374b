import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { decodeHeader } from '../message/dead-letter';
import { DeadLetterStream, type StoredLetter } from '../nats/dead-letter-stream';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, print, printJson, table } from './output';

interface ListFlags extends CommonFlags {
  plugin?: string;
  reason?: string;
}

export function deadCommand(program: Command): void {
  const dead = program.command('dead').description('the dead letters: events that no retry will help');
  reachesBroker(dead.command('list'))
    .description('list them, oldest first')
    .option('--plugin <name>', 'of this plugin only')
    .option('--reason <reason>', 'with this reason only, such as invalid-json or attempts-exhausted')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug dead list
  $ jetplug dead list --plugin badge --json`,
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
}

/** A dead letter as `dead list --json` shows it. */
interface DeadLetterSummary {
  readonly id: number;
  readonly plugin: string;
  readonly handler: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly time: string;
  readonly fingerprint: string;
}

async function list(flags: ListFlags): Promise<void> {
  const letters = await withBroker(flags, async (connection, { config }) => {
    const all: DeadLetterSummary[] = [];
    for await (const letter of new DeadLetterStream(connection, config.deadLetters.stream).list())
      all.push(summary(letter));
    return all;
  });
  const shown = letters.filter(
    ({ plugin, reason }) => (flags.plugin ?? plugin) === plugin && (flags.reason ?? reason) === reason,
  );
  if (flags.json) return printJson(shown);
  if (shown.length === 0) return print('no dead letters');
  const head = ['id', 'plugin.handler', 'reason', 'tries', 'event', 'failed at', 'error'].map((text) =>
    paint('dim', text),
  );
  const rows = shown.map((letter) => [
    String(letter.id),
    `${letter.plugin}.${letter.handler}`,
    letter.reason,
    String(letter.attempts),
    `${letter.subject} ${letter.stream}:${letter.sequence}`,
    letter.time,
    letter.error.split('\n')[0]!.slice(0, 80),
  ]);
  for (const line of table([head, ...rows])) print(line);
}

async function show(idText: string, flags: CommonFlags): Promise<void> {
  const id = Number(idText);
  if (!Number.isInteger(id) || id < 1)
    throw new JetplugError('JP_USAGE', `${JSON.stringify(idText)} is not the number of a dead letter`);
  const letter = await withBroker(flags, (connection, { config }) =>
    new DeadLetterStream(connection, config.deadLetters.stream).get(id),
  );
  if (!letter) throw new JetplugError('JP_NOT_FOUND', `there is no dead letter ${id}`);
  const stack = decodeHeader(letter.headers['x-error-stack'] ?? '');
  const { text, form } = readable(letter.payload);
  if (flags.json) {
    const base64 = form === 'base64' ? { payloadBase64: text } : { payload: text };
    return printJson({ ...summary(letter), stack, ...base64, headers: letter.headers });
  }
  const { error, ...facts } = summary(letter);
  for (const line of table(Object.entries(facts).map(([key, value]) => [paint('dim', key), String(value)])))
    print(line);
  print(`\n${paint('red', error)}\n${paint('dim', stack)}\n`);
  print(`${paint('dim', `payload (${letter.payload.length} bytes${form === 'base64' ? ', base64' : ''})`)}\n${text}`);
}

function summary({ id, headers }: StoredLetter): DeadLetterSummary {
  const header = (name: string): string => headers[name] ?? '';
  return {
    id,
    plugin: header('x-plugin'),
    handler: header('x-handler'),
    reason: header('x-dead-letter-reason'),
    error: decodeHeader(header('x-error-message')),
    attempts: Number(header('x-attempts')),
    subject: header('x-original-subject'),
    stream: header('x-original-stream'),
    sequence: Number(header('x-original-sequence')),
    time: header('x-failed-at'),
    fingerprint: header('x-fingerprint'),
  };
}

/** JSON indented, other text as it is, bytes in base64. */
function readable(payload: Uint8Array): { text: string; form: 'text' | 'base64' } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch {
    return { text: Buffer.from(payload).toString('base64'), form: 'base64' };
  }
  try {
    return { text: JSON.stringify(JSON.parse(text), null, 2), form: 'text' };
  } catch {
    return { text, form: 'text' }; // not JSON, which may be why it is here
  }
}
