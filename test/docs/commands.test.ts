/** Each `jetplug` command that the docs show exists, with its flags. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetplug } from '../support/cli';
import { blocksOf, PAGES, proseOf } from '../support/markdown';

const ROOT = join(__dirname, '..', '..');
const SOURCES = ['host', 'page', 'sdk'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name)),
);

interface Usage {
  readonly page: string;
  readonly words: readonly string[];
}

/** Its flags, by command: `start`, `dead list`. */
const known = new Map<string, readonly string[]>();

beforeAll(async () => {
  const names = commandsIn(await help());
  const groups = await Promise.all(names.map(async (name) => ({ name, text: await help(name) })));
  for (const { name, text } of groups) {
    known.set(name, flagsIn(text));
    const inner = commandsIn(text);
    const texts = await Promise.all(inner.map((each) => help(name, each)));
    inner.forEach((each, i) => known.set(`${name} ${each}`, flagsIn(texts[i]!)));
  }
}, 60_000);

test.each(PAGES)('the commands that %s shows exist', (page) => {
  expect(usagesOf(page).filter((usage) => wrongIn(usage) !== undefined)).toEqual([]);
});

test('the commands in the texts of the host and the page exist', () => {
  const usages = SOURCES.flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/npx jetplug ([a-z][^`'"<\\();\n]*)/g)].map(([, rest]) => ({
      page,
      words: wordsOf(rest!),
    })),
  );
  expect(usages.length).toBeGreaterThan(10);
  expect(usages.filter((usage) => wrongIn(usage) !== undefined)).toEqual([]);
});

test('every flag that the text names alone belongs to a command', () => {
  const flags = new Set([...known.values()].flat());
  const named = PAGES.flatMap((page) => [...proseOf(page).matchAll(/`(--[a-z-]+)[^`]*`/g)].map(([, flag]) => flag!));
  expect(named.filter((flag) => !flags.has(flag))).toEqual([]);
});

test('every command is shown somewhere', () => {
  const shown = PAGES.flatMap(usagesOf).map(commandOf);
  expect([...known.keys()].filter((command) => command !== 'dead' && !shown.includes(command))).toEqual([]);
});

/** In blocks of `sh` and in the text: `npx jetplug …`, `jetplug …`, `npm start`'s own flags left alone. */
function usagesOf(page: string): Usage[] {
  const lines = blocksOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.split('\n'));
  const inline = [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
  return [...lines, ...inline].flatMap((line) => {
    const [, rest] = /(?:^|[|&] *)(?:npx )?jetplug +(.+)$/.exec(line) ?? [];
    return rest === undefined || rest.startsWith('…') ? [] : [{ page, words: wordsOf(rest) }];
  });
}

/** The words of a command as a shell splits them, up to a pipe or the end of the command. */
function wordsOf(line: string): string[] {
  const words: string[] = line.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [];
  const end = words.findIndex((word) => /^[|&;<>]/.test(word));
  return words.slice(0, end < 0 ? words.length : end);
}

function wrongIn(usage: Usage): string | undefined {
  const flags = known.get(commandOf(usage));
  if (!flags) return 'no such command';
  return usage.words.find((word) => word.startsWith('--') && !flags.includes(word.split('=')[0]!));
}

function commandOf({ words: [first = '', second = ''] }: Usage): string {
  return known.has(`${first} ${second}`) ? `${first} ${second}` : first;
}

async function help(...command: string[]): Promise<string> {
  const { stdout, code } = await jetplug([...command, '--help']);
  if (code !== 0) throw new Error(`jetplug ${command.join(' ')} --help ended with ${code}`);
  return stdout;
}

function commandsIn(text: string): string[] {
  return [...sectionOf(text, 'Commands').matchAll(/^ {2}([a-z]+)\b/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help');
}

function flagsIn(text: string): string[] {
  return sectionOf(text, 'Options').match(/--[a-z-]+/g) ?? [];
}

function sectionOf(text: string, name: string): string {
  return text.split(`${name}:\n`)[1]?.split('\n\n')[0] ?? '';
}
