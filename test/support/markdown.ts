import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '../..');

/** A fenced block. */
export interface Block {
  /** The page, from the repository's root. */
  readonly page: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
  /** The language: `ts`, `sh`, or empty. */
  readonly language: string;
  readonly text: string;
}

/** The documentation pages, as paths from the repository's root. */
export const PAGES: readonly string[] = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function textOf(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

const FENCED = /^```(\w*)\n([\s\S]*?)^```$/gm;

export function blocksOf(page: string): Block[] {
  const text = textOf(page);
  return [...text.matchAll(FENCED)].map(({ 1: language = '', 2: body = '', index }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language,
    text: body,
  }));
}

/** The file of the examples that the block is an excerpt of: its first line names the file. */
export function fileOf({ text }: Block): string | undefined {
  return /^\/\/ (examples\/\S+)\n/.exec(text)?.[1];
}

/** The page without its fenced blocks. */
export function proseOf(page: string): string {
  return textOf(page).replace(FENCED, '');
}

/** The rows of the page's tables, cell by cell, without heads and without backticks. */
export function rowsOf(page: string): string[][] {
  return rowsIn(proseOf(page));
}

/** The rows of the tables in a text of Markdown, as {@link rowsOf} returns them. */
export function rowsIn(text: string): string[][] {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
  return rows.filter((_, i) => !isRule(rows[i]) && !isRule(rows[i + 1]));
}

function isRule(row: string[] | undefined): boolean {
  return row?.every((cell) => /^-+$/.test(cell)) === true;
}
