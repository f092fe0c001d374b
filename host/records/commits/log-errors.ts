import { isJetplugError, JetplugError } from '../../../sdk/internal';
import { LogShortened } from './log-reader';

/** Returns an error of the catalogue for an error after which a host cannot use a commit log. */
export function codedLogError(error: unknown): JetplugError {
  if (isJetplugError(error)) return error;
  if (error instanceof LogShortened) {
    const { position, last } = error;
    return new JetplugError('JP_LOG_SHORTENED', `the commit log ends at ${last}, and commit ${position} was in it`);
  }
  const why = error instanceof Error ? error.message : String(error);
  return new JetplugError('JP_LOG_UNREADABLE', `the commit log cannot be read: ${why}`, { cause: error });
}
