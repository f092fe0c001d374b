import { place } from './output';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isEventContract, JetplugError, type EventContract } from '../../sdk/internal';
import { loadModules } from '../load/module-loader';
import { literal } from './source-text';

/** The contract of the events that a new plugin takes. */
export interface Contract {
  /** The name of the contract's export. */
  readonly name: string;
  readonly subject: string;
  readonly file: string;
  /** The contract's schema; absent for a contract that is to be written. */
  readonly schema?: EventContract['schema'];
  /** The text of the file to write; absent for a contract that exists. */
  readonly text?: string;
}

/**
 * Finds a contract by its subject or its name in the folder `contracts`.
 * @param event a subject, or the name of an exported contract
 * @throws JetplugError `JP_NOT_FOUND` for a name that no contract has
 */
export function findContract(event: string, plugins: string): Contract | undefined {
  const known = contractsIn(join(plugins, 'contracts'));
  const found = known.find(({ name, subject }) => name === event || subject === event);
  if (found || !/^[A-Z]\w*$/.test(event)) return found;
  const names = known.map(({ name, subject }) => `${name} (${subject})`).join(', ') || 'none';
  throw new JetplugError('JP_NOT_FOUND', `there is no contract ${event}; there are: ${names}`, {
    hint: 'Name one of these, or a subject: its contract is then written.',
  });
}

/** A new contract for a subject, with one field. */
export function newContract(subject: string, plugins: string): Contract {
  const text = 'Describe here when the event is published, and the meaning of its fields.';
  return writtenContract(subject, plugins, [text], 'z.object({ id: z.string().min(1) })');
}

/**
 * A contract that is to be written.
 * @param comment the lines of its comment
 * @param schema its schema as source text, indented for a second level if it has several lines
 */
export function writtenContract(
  subject: string,
  plugins: string,
  comment: readonly string[],
  schema: string,
): Contract & { readonly text: string } {
  const words = subject.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  const className = /^[A-Z]/.test(name) ? name : `Event${name}`;
  const file = join(plugins, 'contracts', `${words.join('-').toLowerCase()}.ts`);
  const text = `import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

${commentText(comment)}
export class ${className} extends defineEvent(${argumentsText([literal(subject), schema])}) {}
`;
  return { name: className, subject, file, text };
}

function commentText(lines: readonly string[]): string {
  if (lines.length === 1) return `/** ${lines[0]} */`;
  return ['/**', ...lines.map((line) => ` * ${line}`.trimEnd()), ' */'].join('\n');
}

function argumentsText(args: readonly string[]): string {
  const isShort = args.every((text) => !text.includes('\n'));
  return isShort ? args.join(', ') : `\n${args.map((text) => `  ${text},\n`).join('')}`;
}

function contractsIn(folder: string): Contract[] {
  return sourcesIn(folder).flatMap((file) => {
    const { exports } = loadModules(file);
    return Object.entries(exports ?? {}).flatMap(([name, value]: [string, unknown]) =>
      isEventContract(value) ? [{ name, subject: value.subject, file, schema: value.schema }] : [],
    );
  });
}

function sourcesIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') throw notAFolder(folder, error);
    throw new JetplugError('JP_FILE_UNWRITABLE', `${place(folder)} cannot be read, where the contracts are`, {
      file: folder,
      cause: error,
    });
  }
  return names.filter((name) => /(?<!\.d|\.test)\.[jt]s$/.test(name)).map((name) => join(folder, name));
}

/** The error for a path that leads through a file, or to one, and names that file. */
function notAFolder(folder: string, cause: unknown): JetplugError {
  let file = folder;
  while (!existsSync(file)) file = dirname(file);
  return new JetplugError('JP_FILE_UNWRITABLE', `${place(file)} is a file, not a folder`, {
    file,
    hint: 'Move the file away, or name another folder with --plugins.',
    cause,
  });
}
