import type { DiagLogger } from '@opentelemetry/api';
import { LogThrottle } from '../base/log-throttle';
import { cut } from '../base/utf8';
import type { HostLog } from '../log/log';

const AGAIN_MS = 60_000;
const MAX_TEXT = 300;

/**
 * Writes the warnings and errors of the SDK to the host's log, at most one line a minute. An unreachable collector
 * makes the SDK report each export that fails.
 */
export function diagnosticsTo(log: Pick<HostLog, 'warn'>): DiagLogger {
  const throttle = new LogThrottle(AGAIN_MS);
  const write = (message: string): void => {
    const suppressed = throttle.note('diagnostics');
    if (suppressed === undefined) return;
    log.warn('OpenTelemetry reported a problem', { error: textOf(message), ...(suppressed > 0 && { suppressed }) });
  };
  const skip = (): void => undefined;
  return { error: write, warn: write, info: skip, debug: skip, verbose: skip };
}

/** Returns the message of a report. The SDK reports an error as the JSON of its members, with a stack. */
function textOf(report: string): string {
  let text = report;
  try {
    const { name, message, code } = JSON.parse(report) as Record<string, unknown>;
    const parts = [name, code, message].filter((part) => typeof part === 'string' && part !== '');
    if (parts.length > 0) text = parts.join(' ');
  } catch {
    // The report is text, not JSON.
  }
  return cut(text.replace(USER, '//'), MAX_TEXT);
}

/** The user and the password in an address. */
const USER = /\/\/[^/@\s]*@/g;
