import { PROMISES } from './promises';
import type { Result } from './simulate';

/** How many violations of one seed a report names. */
const MOST_NAMED = 5;

/** Describes what a seed has shown, with the last steps before its end, for a reader who looks for the cause. */
export function report({ seed, violations, schedule, trace }: Result, lines: number, mistake?: string): string {
  const { events, incidents, faults, hosts, plugins } = schedule;
  const named = violations
    .slice(0, MOST_NAMED)
    .map(({ promise, what }) => `  ${PROMISES[promise]} (${promise}): ${what}`);
  const more = violations.length - named.length;
  return [
    `seed ${seed} breaks ${violations.length === 1 ? 'a promise' : `promises, ${violations.length} times`}:`,
    ...named,
    ...(more > 0 ? [`  … and ${more} more`] : []),
    `hosts: ${hosts}; plugins: ${plugins.join(', ')}; events: ${events.length}`,
    `incidents: ${incidents.map(({ what, atMs }) => `${what} at ${Math.round(atMs)} ms`).join(', ') || 'none'}`,
    `faults: ${
      Object.entries(faults)
        .filter(([, share]) => share > 0)
        .map(([name, share]) => `${name} ${(100 * share).toFixed(1)} %`)
        .join(', ') || 'none'
    }`,
    `the last ${Math.min(lines, trace.length)} of ${trace.length} steps, with the time in ms and the host:`,
    ...trace.slice(-lines),
    `again: npm run sim -- --seed ${seed}${mistake === undefined ? '' : ` --mistake ${mistake}`}`,
  ].join('\n');
}
