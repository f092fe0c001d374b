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
 * Writes the table and the chart into the docs, in place of the present ones.
 * @param folder the docs
 * @param how one sentence with the date, the machine and the number of rounds
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

/** Pads the cells as Prettier does. */
function markdownTable([head = [], ...body]: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
