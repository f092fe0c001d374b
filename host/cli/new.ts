import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { isPublishSubject, isSubscribeSubject, JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { configFor, reachesBroker, withBroker, type CommonFlags } from './common';
import type { Inferred } from './inferred-contract';
import { inferredFields, inferredLines } from './inferred-screen';
import { findContract, newContract, type Contract } from './new-contract';
import { paint, place, print, printJson } from './output';
import { classNameOf, pluginText, testText } from './new-texts';
import { streamFor } from '../broker/stream-state';
import { scriptsIn } from './init-package';
import { writeNew, type NewFile } from './write-new';

interface NewFlags extends Omit<CommonFlags, 'plugins'> {
  on?: string;
  fromStream?: string;
  plugins?: string;
}

/** The event that the plugin takes. */
interface TakenEvent {
  readonly subject: string;
  /** Undefined for a subject with wildcards, whose events differ in form. */
  readonly contract?: Contract;
  /** Set if the contract was inferred from events. */
  readonly inferred?: Inferred;
}

export function newCommand(program: Command): void {
  reachesBroker(program.command('new'))
    .argument('<name>', 'the plugin’s name, such as badge or late-orders')
    .option('--on <event>', 'the event to react to: a subject, with wildcards or without, or the name of a contract')
    .option('--from-stream <subject>', 'the subject to react to; infers its contract from the newest 10,000 events')
    .option('--plugins <dir>', 'the plugins folder (default: the config’s first)')
    .description('write a plugin and its test, ready to pass')
    .addHelpText(
      'after',
      `
The contract is taken from the folder contracts in the plugins folder; where none has the subject, one is written
there. The test goes to test/plugins where there is such a folder, else beside the plugin. Nothing is overwritten.

With --from-stream the contract has the types, optional fields, formats and enums of the events that the stream holds.
The command prints how many events fit and which fields differ. Read the contract before you use it.

Examples:
  $ jetplug new badge --on video.watch_started
  $ jetplug new late-orders --on OrderPlaced
  $ jetplug new late-orders --from-stream orders.placed
  $ jetplug new audit --on 'video.>' --plugins my-plugins --json`,
    )
    .action(scaffold);
}

async function scaffold(name: string, flags: NewFlags): Promise<void> {
  const { plugins, ...others } = flags;
  const { config } = configFor(others);
  const folder = resolve(plugins ?? config.plugins.dirs[0] ?? 'plugins');
  assertName(name);
  const plugin = join(folder, `${name}.plugin.ts`);
  const test = join(testFolder(folder), `${name}.test.ts`);
  // Checked before events are read, which may take long.
  refusePresent([plugin, test]);
  const event = await eventOf(flags, folder);
  const { contract } = event;
  const files: NewFile[] = [
    ...(contract?.text === undefined ? [] : [{ file: contract.file, text: contract.text }]),
    { file: plugin, text: pluginText(name, plugin, contract ?? event.subject) },
    { file: test, text: await testText(name, test, plugin, contract ?? event.subject) },
  ];
  write(files);
  report(name, files, event, test, config, flags.json === true);
}

/** @throws JetplugError `JP_USAGE` unless exactly one of --on and --from-stream is given */
async function eventOf({ plugins: _, ...flags }: NewFlags, folder: string): Promise<TakenEvent> {
  const { on, fromStream } = flags;
  if (on !== undefined && fromStream === undefined) {
    const contract = contractOf(on, folder);
    return { subject: contract?.subject ?? on, ...(contract && { contract }) };
  }
  if (fromStream === undefined || on !== undefined) {
    throw new JetplugError('JP_USAGE', 'give the event with --on, or with --from-stream', {
      hint: 'For example `npx jetplug new late-orders --on orders.late`.',
    });
  }
  // Loaded only here, because its modules take time to load.
  const { inferContract } = await import('./inferred-contract.js');
  const inferred = await withBroker(flags, (connection, { config }) =>
    inferContract(connection, config, fromStream, folder),
  );
  return { subject: fromStream, contract: inferred.contract, inferred };
}

/**
 * Refuses a name that no plugin may have.
 * @throws JetplugError `JP_USAGE`
 */
function assertName(name: string): void {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) return;
  throw new JetplugError('JP_USAGE', `${JSON.stringify(name)} is not a plugin’s name`, {
    hint: 'Use small letters, digits and dashes, such as late-orders.',
  });
}

/** Returns an existing contract, or a new one; undefined for a subject with wildcards, whose events differ in form. */
function contractOf(event: string, folder: string): Contract | undefined {
  const found = findContract(event, folder);
  if (found) return found;
  if (isPublishSubject(event)) return newContract(event, folder);
  if (isSubscribeSubject(event)) return undefined;
  throw new JetplugError('JP_SUBJECT_INVALID', `--on ${JSON.stringify(event)}`);
}

/** Returns `test/plugins` where the project has this folder, else the plugins folder. */
function testFolder(folder: string): string {
  const separate = resolve('test', 'plugins');
  return existsSync(separate) && dirname(folder) === resolve('.') ? separate : folder;
}

/** @throws JetplugError `JP_FILE_EXISTS` */
function refusePresent(files: readonly string[]): void {
  const file = files.find((one) => existsSync(one));
  if (file !== undefined) throw new JetplugError('JP_FILE_EXISTS', `${place(file)} is there already`, { file });
}

/**
 * Writes the files, unless one of them exists.
 * @throws JetplugError `JP_FILE_EXISTS` before a file is written, or `JP_FILE_UNWRITABLE`
 */
function write(files: readonly NewFile[]): void {
  refusePresent(files.map(({ file }) => file));
  for (const file of files) if (!writeNew(file)) refusePresent([file.file]);
}

function report(
  name: string,
  files: readonly NewFile[],
  { subject, inferred, contract }: TakenEvent,
  test: string,
  config: Config,
  json: boolean,
): void {
  const stream = inferred?.samples.stream ?? streamFor(config.streams, subject);
  const next = [
    ...(inferred ? [`read the contract, and correct its guesses: ${place(contract!.file)}`] : []),
    ...(stream === undefined
      ? [`add ${subject} to the subjects of a stream in config/default.yaml: none holds it yet`]
      : []),
    `run the test: ${testCommand()} ${place(test)}`,
    `have the host run it: a running host loads it at once; else ${startCommand()}`,
  ];
  const written = files.map(({ file }) => file);
  const about = { plugin: name, class: classNameOf(name), subject, stream: stream ?? null, files: written };
  if (json) return printJson({ ...about, ...(inferred && { inferred: inferredFields(inferred) }), next });
  for (const file of written) print(`${paint('green', '✔')} ${place(file)}`);
  for (const line of inferred ? inferredLines(inferred) : []) print(line);
  print();
  print('Next:');
  next.forEach((step, i) => print(`  ${i + 1}. ${step}`));
}

/** The command that runs one test of the project in the current folder. */
function testCommand(): string {
  return 'test' in scriptsIn(process.cwd()) ? 'npm test --' : 'npx jest';
}

/** The command that starts the host of the project in the current folder. */
function startCommand(): string {
  return 'start' in scriptsIn(process.cwd()) ? 'npm start' : 'npx jetplug start';
}
