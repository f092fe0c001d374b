import type { Subject } from './core/case';
import type { Row } from './core/rows';

/** The value that a row should reach. */
interface Target {
  readonly of: 'ratioToBest' | 'ratioToDocumented' | 'median';
  readonly atLeast?: number;
  readonly atMost?: number;
}

const TARGETS: readonly (Target & { readonly case: string; readonly subject: Subject })[] = [
  { case: 'drain', subject: 'jetplug', of: 'ratioToBest', atLeast: 0.95 },
  { case: 'drain', subject: 'jetplug-async', of: 'ratioToBest', atLeast: 0.85 },
  { case: 'drain', subject: 'jetplug-batch', of: 'ratioToBest', atLeast: 1.1 },
  { case: 'fan-out', subject: 'jetplug', of: 'ratioToBest', atLeast: 0.95 },
  { case: 'latency p50', subject: 'jetplug', of: 'ratioToBest', atMost: 1.25 },
  { case: 'latency p99', subject: 'jetplug', of: 'ratioToBest', atMost: 1.5 },
  { case: 'store many keys', subject: 'jetplug', of: 'ratioToDocumented', atLeast: 3 },
  { case: 'publish sequential', subject: 'jetplug', of: 'ratioToDocumented', atLeast: 1.3 },
  { case: 'publish in flight', subject: 'jetplug', of: 'ratioToDocumented', atLeast: 3 },
  { case: 'many 500 start-up', subject: 'jetplug', of: 'median', atMost: 3 },
  { case: 'many 500 memory', subject: 'jetplug', of: 'median', atMost: 1 },
  { case: 'many 500 idle', subject: 'jetplug', of: 'median', atMost: 2 },
  { case: 'backlog memory', subject: 'jetplug', of: 'median', atMost: 1.1 },
];

const SIGNS = { ratioToBest: '× best', ratioToDocumented: '× documented', median: '' } as const;

/** `✔ ≥ 0.95 × best`, or an empty string for a row without a target. */
export function verdictOf(row: Row): string {
  const target = TARGETS.find((one) => one.case === row.case && one.subject === row.subject);
  if (!target) return '';
  const { of, atLeast = -Infinity, atMost = Infinity } = target;
  const isMet = row[of] >= atLeast && row[of] <= atMost;
  const bound = target.atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  return `${isMet ? '✔' : '✖'} ${bound} ${SIGNS[of]}`.trim();
}
