import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { JetplugError } from '../../sdk/internal';
import { asyncApiOf, jsonSchemasOf } from './async-api';
import { pluginsFolders, reachesBroker, type CommonFlags } from './common';
import { readFiles, readServer, type Found } from './docs-records';
import { catalogueOf, type EventCatalogue } from '../ops/event-catalogue';
import { paint, place, print, printErrors, warn } from './output';

interface DocsFlags extends CommonFlags {
  jsonschema?: boolean;
  out?: string;
}

export function docsCommand(program: Command): void {
  pluginsFolders(reachesBroker(program.command('docs')))
    .option('--jsonschema', 'write only the JSON Schemas of the events, as one JSON document')
    .option('--out <file>', 'write to a file, which is replaced')
    .description('write AsyncAPI 3.1 of all events that plugins handle and publish')
    .addHelpText(
      'after',
      `
The hosts publish the contracts of their plugins to the server, so no host needs to run. With --plugins, the command
reads the plugins' files instead, and needs no server.

Writes YAML, or JSON with --json. Warns on standard error if plugins have different contracts for one subject.

Exits with 1 when there is nothing to describe, or a plugin's file cannot be read.

Examples:
  $ jetplug docs > asyncapi.yaml
  $ jetplug docs --json --out asyncapi.json
  $ jetplug docs --jsonschema --out events.schema.json
  $ jetplug docs --plugins plugins`,
    )
    .action(docs);
}

async function docs(flags: DocsFlags): Promise<void> {
  const found = await (flags.plugins ? readFiles(flags) : readServer(flags));
  printErrors(found.problems, flags.json === true);
  if (found.problems.length > 0) process.exitCode = 1;
  for (const warning of found.warnings) warn(warning);
  if (found.records.length === 0) throw nothingFound(flags, found);
  const catalogue = catalogueOf(found.records);
  for (const warning of catalogue.warnings) warn(warning);
  const text = documentOf(catalogue, found.title, flags);
  if (flags.out === undefined) process.stdout.write(text);
  else {
    write(flags.out, text);
    const size = `${counted(catalogue.messages.length, 'event')}, ${counted(found.records.length, 'plugin')}`;
    if (!flags.json) print(`${paint('green', '✔')} ${place(resolve(flags.out))}: ${size}`);
  }
}

function documentOf(catalogue: EventCatalogue, title: string, { json, jsonschema }: DocsFlags): string {
  const document = jsonschema ? jsonSchemasOf(catalogue, title) : asyncApiOf(catalogue, title);
  const text =
    json || jsonschema
      ? `${JSON.stringify(document, null, 2)}\n`
      : stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
  return escapeControls(text);
}

/**
 * Escapes the control characters that JSON and YAML may contain as they are, because they could move the cursor of a
 * terminal. YAML puts a text with such a character in double quotes, so the escape is the same in both.
 */
function escapeControls(text: string): string {
  return text.replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}

function write(out: string, text: string): void {
  const file = resolve(out);
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new JetplugError('JP_FILE_UNWRITABLE', `${place(file)} cannot be written`, { file, cause });
  }
}

function nothingFound({ plugins }: DocsFlags, { problems, warnings }: Found): JetplugError {
  if (plugins) {
    const why = problems.length > 0 ? 'no plugin could be read' : 'there is no plugin';
    const hint = '`jetplug check` with the same --plugins shows which files are plugins, and their problems.';
    return new JetplugError('JP_NOT_FOUND', `${why} in ${plugins.join(', ')}`, { hint });
  }
  const hint = 'Start a host once, or describe the files of plugins: npx jetplug docs --plugins plugins';
  const message =
    warnings.length > 0 ? 'no record can be used' : 'no host has published contracts of plugins to this server';
  return new JetplugError('JP_NOT_FOUND', message, { hint });
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
