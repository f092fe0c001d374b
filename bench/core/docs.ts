import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chartOf } from './chart';
import type { Row } from './rows';
import { tableOf } from './table';

const PAGE = 'performance.md';
const CHART = 'performance.svg';
const BEGIN = '<!-- figures: begin -->';
const END = '<!-- figures: end -->';

/**
 * Writes table and chart into the docs, in place of those that are there.
 * @param folder the docs
 * @param how what was measured on what, as a sentence
 */
export async function writeDocs(folder: string, rows: readonly Row[], how: string): Promise<void> {
  const page = await readFile(join(folder, PAGE), 'utf8');
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`${PAGE} has no place for the figures: ${BEGIN} … ${END}`);
  const chart = `![Rates as parts of the best plain program’s](${CHART})`;
  const figures = [BEGIN, how, chart, markdownTable(tableOf(rows)), ''].join('\n\n');
  await writeFile(join(folder, PAGE), page.slice(0, before) + figures + page.slice(after));
  await writeFile(join(folder, CHART), chartOf(rows));
}

/** As Prettier leaves one. */
function markdownTable([head = [], ...body]: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
