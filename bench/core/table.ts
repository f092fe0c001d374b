import { verdictOf } from '../targets';
import type { Row } from './rows';

const HEAD = ['case', 'subject', 'median', 'min–max', 'unit', '× best', '× documented', 'target'];

/** The cells of the table; the first row is the head. */
export function tableOf(rows: readonly Row[]): string[][] {
  return [HEAD, ...rows.map(cellsOf)];
}

function cellsOf(row: Row): string[] {
  return [
    row.case,
    row.subject,
    readable(row.median),
    `${readable(row.min)}–${readable(row.max)}`,
    row.unit,
    readable(row.ratioToBest),
    readable(row.ratioToDocumented),
    verdictOf(row),
  ];
}

/** Rounds to three significant figures: `112,000`, `1.25`, `0.0321`. */
export function readable(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 });
}
