import { terminalText } from '../base/utf8';
import { figure } from './figure';
import type { Inferred } from './inferred-contract';
import { paint, table } from './output';

const MAX_FIELDS = 30;

/** Says from which events a contract was inferred, how many fit it, and which fields differ. */
export function inferredLines({ contract, samples, fit, unfit, notes }: Inferred): string[] {
  const { events, stored, stream, invalid } = samples;
  const dim = (text: string): string => paint('dim', text);
  const read = events.length + Object.values(invalid).reduce((sum, count) => sum + count, 0);
  const all = read === stored ? 'all' : `the newest ${figure(read)} of`;
  const fields = notes.slice(0, MAX_FIELDS).map(({ field, note }) => [terminalText(field), dim(note)]);
  return [
    '',
    `Read ${all} ${figure(stored)} events of ${contract.subject} in the stream ${stream}.`,
    `${figure(fit)} of ${figure(read)} fit the contract.`,
    ...Object.entries(unfit).map(([field, count]) => `  ${terminalText(field)} does not fit in ${figure(count)}`),
    ...Object.entries(invalid).map(([reason, count]) => `  ${figure(count)} are not valid events: ${reason}`),
    ...(fields.length > 0 ? ['Fields that differ:', ...table(fields, '  ')] : []),
    ...(notes.length > MAX_FIELDS ? [dim(`  … and ${notes.length - MAX_FIELDS} more`)] : []),
  ];
}

/** The same for programs. */
export function inferredFields({ samples, fit, unfit, notes }: Inferred): object {
  const { events, stored, stream, invalid, oldestMs, newestMs } = samples;
  const times = { oldest: new Date(oldestMs).toISOString(), newest: new Date(newestMs).toISOString() };
  return { stream, stored, samples: events.length, ...times, fit, unfit, invalid, fields: notes };
}
