import type { Answer } from './platform';

/** Response times and answers of one measurement. */
export interface Figures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The number of answers by HTTP status. */
  readonly answers: Readonly<Record<string, number>>;
  /** The message of the first answer that was not 200. */
  readonly failure?: string;
}

/** @param answers at least one */
export function figuresOf(answers: readonly Answer[]): Figures {
  const times = answers.map(({ tookMs }) => tookMs);
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  const failure = answers.find(({ status }) => status !== 200)?.message;
  return {
    p50Ms: roundMs(percentile(times, 50)),
    p99Ms: roundMs(percentile(times, 99)),
    answers: counts,
    ...(failure !== undefined && { failure }),
  };
}

/** The percentile by nearest rank: a measured value that at least `percent` % of the values do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
}

export function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** `6.4 ms`, `182 ms`, `1.91 s` */
export function readableMs(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** `40 × 200` */
export function readableAnswers({ answers }: Figures): string {
  return Object.entries(answers)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');
}

/** The answers by status, with the message of the first failure. */
export function answersInFull(figures: Figures): string {
  return [readableAnswers(figures), ...(figures.failure === undefined ? [] : [figures.failure])].join(': ');
}

/** Whether all answers have this status. */
export function allAnswered({ answers }: Figures, status: number): boolean {
  return Object.keys(answers).join() === String(status);
}
