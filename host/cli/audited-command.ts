import { hostname, userInfo } from 'node:os';
import type { Config } from '../config/config';
import { AuditStream } from '../nats/audit-stream';
import type { Connection } from '../nats/connection';
import { audited, type Change } from '../ops/audited';
import { paint } from './output';

/** Makes a change, and records it for `jetplug audit`, as {@link audited}. Warns if that cannot be stored. */
export function auditedCommand<T>(
  connection: Connection,
  config: Config,
  change: Change,
  work: () => Promise<T>,
  plan?: Change['detail'],
): Promise<T> {
  const by = { who: commandUser(), via: 'command' };
  const unstored = (error: unknown): void => {
    const text = `the change is not in the audit: ${(error as Error).message}`;
    process.stderr.write(`${paint('yellow', '!', process.stderr)} ${text}\n`);
  };
  return audited({ log: new AuditStream(connection, config), by, unstored }, change, work, plan);
}

/** Returns who runs a command, as `user@machine`. */
export function commandUser(): string {
  return `${userName()}@${hostname()}`;
}

/** A user id of a container may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
