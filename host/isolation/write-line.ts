import type { PartedLog } from '../log/log';
import { Batch } from '../message/batch';
import type { Run } from '../message/run';
import { noteLine } from '../message/run-context';
import { runsOf, type OpenCalls } from './open-calls';
import type { LogLine } from './protocol';
import { decodeError } from './wire-error';

/** Writes a line to the host's log and, if the line was logged in an open run, into the record of that run. */
export function writeLine(
  { level, message, fields, known, call, event }: LogLine,
  log: PartedLog,
  calls: Pick<OpenCalls, 'scopeOf'>,
): void {
  const errors = Object.entries(fields.errors).map(([name, error]): [string, unknown] => [name, decodeError(error)]);
  const own = { ...fields.rest, ...Object.fromEntries(errors) };
  log[level](message, { ...known, ...own });
  const run = call === undefined ? undefined : runOf(call, event, calls);
  if (run && log.isEnabled(level)) noteLine(run, level, message, own);
}

/** Finds the run that a line was logged in. A line of a batch is of a run if an event's context has logged it. */
function runOf(call: number, event: number | undefined, calls: Pick<OpenCalls, 'scopeOf'>): Run | undefined {
  const scope = calls.scopeOf(call);
  if (!scope) return undefined;
  const index = scope instanceof Batch ? (event ?? -1) : 0;
  return runsOf(scope)[index];
}
