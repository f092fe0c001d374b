import { SUBJECTS, type Figure, type Subject } from './case';

/** One row of the output of `--json`. */
export interface Row {
  readonly case: string;
  readonly subject: Subject;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** The medians of the ratios within each round. */
  readonly ratioToBest: number;
  readonly ratioToDocumented: number;
}

/** The rows of the figures that every round has, ordered by case and then by subject. */
export function rowsOf(rounds: readonly (readonly Figure[])[]): Row[] {
  const names = [...new Set(rounds.flat().map((figure) => figure.case))];
  return names.flatMap((name) => {
    const subjects = SUBJECTS.filter((subject) => rounds.every((round) => find(round, name, subject)));
    return subjects.map((subject) => rowOf(rounds, name, subject));
  });
}

function rowOf(rounds: readonly (readonly Figure[])[], name: string, subject: Subject): Row {
  const figures = rounds.map((round) => find(round, name, subject)!);
  const values = figures.map(({ value }) => value);
  const ratioTo = (other: Subject): number =>
    rounded(median(rounds.map((round, i) => ratio(values[i]!, find(round, name, other)?.value))));
  return {
    case: name,
    subject,
    unit: figures[0]!.unit,
    median: rounded(median(values)),
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
    ratioToBest: ratioTo('best'),
    ratioToDocumented: ratioTo('documented'),
  };
}

function find(round: readonly Figure[], name: string, subject: Subject): Figure | undefined {
  return round.find((figure) => figure.case === name && figure.subject === subject);
}

/** The smallest base of a ratio. A ratio to almost nothing, such as the CPU time of an idle process, has no meaning. */
const LEAST = 1e-6;

function ratio(value: number, base: number | undefined): number {
  if (base === undefined) throw new Error('each case has a documented and a best subject');
  return value / Math.max(base, LEAST);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
