import type { PartedLog } from '../log/log';

/** An object that passes through the steps of a plugin's life. */
export interface Closable {
  /** Releases everything that the steps so far have made. Called when the next step fails. */
  close(): void | Promise<void>;
}

/**
 * Passes the object to the next step, and closes the object if that step fails. Rejects with the error of the step; an
 * error of the close is only logged, so that it does not hide the first one.
 * @param log adds the plugin's name to its lines
 */
export async function step<T extends Closable, U>(
  record: T,
  next: (record: T) => U | Promise<U>,
  log: Pick<PartedLog, 'error'>,
): Promise<U> {
  try {
    return await next(record);
  } catch (error) {
    await close(record, log);
    throw error;
  }
}

async function close(record: Closable, log: Pick<PartedLog, 'error'>): Promise<void> {
  try {
    await record.close();
  } catch (error) {
    log.error('a plugin that failed to load could not be released', { err: error });
  }
}
