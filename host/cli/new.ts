import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { isPublishSubject, isSubscribeSubject, JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { configFor } from './common';
import { findContract, newContract, type Contract } from './new-contract';
import { paint, place, print, printJson } from './output';
import { classNameOf, pluginText, testText } from './new-texts';
import { streamFor } from '../broker/stream-state';
import { scriptsIn } from './init-package';
import { writeNew, type NewFile } from './write-new';

interface NewFlags {
  on: string;
  plugins?: string;
  json?: boolean;
}

export function newCommand(program: Command): void {
  program
    .command('new')
    .argument('<name>', 'the plugin’s name, such as badge or late-orders')
    .requiredOption(
      '--on <event>',
      'the event to react to: a subject, with wildcards or without, or the name of a contract',
    )
    .option('--plugins <dir>', 'the plugins folder (default: the config’s first)')
    .option('--json', 'print JSON')
    .description('write a plugin and its test, ready to pass')
    .addHelpText(
      'after',
      `
The contract is taken from the folder contracts in the plugins folder; where none has the subject, one is written
there. The test goes to test/plugins where there is such a folder, else beside the plugin. Nothing is overwritten.

Examples:
  $ jetplug new badge --on video.watch_started
  $ jetplug new late-orders --on OrderPlaced
  $ jetplug new audit --on 'video.>' --plugins my-plugins --json`,
    )
    .action(scaffold);
}

async function scaffold(name: string, flags: NewFlags): Promise<void> {
  const { config } = configFor({});
  const folder = resolve(flags.plugins ?? config.plugins.dirs[0] ?? 'plugins');
  assertName(name);
  const contract = contractOf(flags.on, folder);
  const plugin = join(folder, `${name}.plugin.ts`);
  const test = join(testFolder(folder), `${name}.test.ts`);
  const files: NewFile[] = [
    ...(contract?.text === undefined ? [] : [{ file: contract.file, text: contract.text }]),
    { file: plugin, text: pluginText(name, plugin, contract ?? flags.on) },
    { file: test, text: await testText(name, test, plugin, contract ?? flags.on) },
  ];
  write(files);
  report(name, files, contract?.subject ?? flags.on, test, config, flags.json === true);
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

/**
 * Writes the files, unless one of them exists.
 * @throws JetplugError `JP_FILE_EXISTS` before a file is written, or `JP_FILE_UNWRITABLE`
 */
function write(files: readonly NewFile[]): void {
  const exists = ({ file }: NewFile): JetplugError =>
    new JetplugError('JP_FILE_EXISTS', `${place(file)} is there already`, { file });
  const present = files.find(({ file }) => existsSync(file));
  if (present) throw exists(present);
  for (const file of files) if (!writeNew(file)) throw exists(file);
}

function report(
  name: string,
  files: readonly NewFile[],
  subject: string,
  test: string,
  config: Config,
  json: boolean,
): void {
  const stream = streamFor(config.streams, subject);
  const next = [
    ...(stream === undefined
      ? [`add ${subject} to the subjects of a stream in config/default.yaml: none holds it yet`]
      : []),
    `run the test: ${testCommand()} ${place(test)}`,
    `have the host run it: a running host loads it at once; else ${startCommand()}`,
  ];
  const written = files.map(({ file }) => file);
  if (json)
    return printJson({ plugin: name, class: classNameOf(name), subject, stream: stream ?? null, files: written, next });
  for (const file of written) print(`${paint('green', '✔')} ${place(file)}`);
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
