import { SUBJECTS, type Subject } from './case';
import type { Row } from './rows';
import { readable } from './table';

const WIDTH = 760;
const LEFT = 170;
const RIGHT = 90;
const BAR = 14;
const GAP = 18;
const TOP = 50;
const COLOURS: Readonly<Record<Subject, string>> = {
  documented: '#9aa5b1',
  best: '#52606d',
  jetplug: '#0b6e4f',
  'jetplug-async': '#3e9c78',
  'jetplug-batch': '#79c7a8',
};

/** Draws every rate per second as a ratio to the best plain program. */
export function chartOf(rows: readonly Row[]): string {
  const shown = rows.filter(({ unit }) => unit.endsWith('/s'));
  const names = [...new Set(shown.map((row) => row.case))];
  const most = Math.max(1, ...shown.map(({ ratioToBest }) => ratioToBest));
  const x = (ratio: number): number => LEFT + (ratio / most) * (WIDTH - LEFT - RIGHT);
  const parts: string[] = [];
  let y = TOP;
  for (const name of names) {
    const bars = shown.filter((row) => row.case === name);
    parts.push(text(LEFT - 8, y + (bars.length * BAR) / 2 + 4, name, 'text-anchor="end"'));
    for (const { subject, ratioToBest } of bars) {
      const width = Math.max(1, x(ratioToBest) - LEFT).toFixed(1);
      parts.push(`<rect x="${LEFT}" y="${y}" width="${width}" height="${BAR - 2}" fill="${COLOURS[subject]}"/>`);
      parts.push(text(x(ratioToBest) + 4, y + 10, readable(ratioToBest), 'font-size="10"'));
      y += BAR;
    }
    y += GAP;
  }
  const subjects = SUBJECTS.filter((subject) => shown.some((row) => row.subject === subject));
  const legend = subjects.flatMap((subject, i) => [
    `<rect x="${LEFT + i * 110}" y="16" width="10" height="10" fill="${COLOURS[subject]}"/>`,
    text(LEFT + 14 + i * 110, 25, subject),
  ]);
  const best = `<line x1="${x(1).toFixed(1)}" y1="${TOP - 8}" x2="${x(1).toFixed(1)}" y2="${y - GAP + 6}" stroke="#52606d" stroke-dasharray="3 3"/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif" font-size="12" fill="#1f2933">`,
    `<title>Rates as parts of the best plain program’s, medians of the rounds</title>`,
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    ...legend,
    best,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${more}>${words}</text>`;
}
