import type { Logger } from '../../sdk';
import type { Connection } from './connection';
import { Refusals } from './refusals';

/**
 * Logs a connection's life: lost, reconnected, refused, closed.
 * @param isStopping returns whether the host closes the connection itself; such a close is not logged
 */
export function logConnection(connection: Connection, log: Logger, isStopping: () => boolean): void {
  const refusals = new Refusals();
  connection.watch({
    disconnected: (server) => log.warn('connection to the NATS server lost; reconnecting', { server }),
    reconnected: (server) => log.info('reconnected to the NATS server', { server }),
    refused: (refusal) => {
      const error = refusals.note(refusal);
      if (!error) return;
      const { code, message, hint } = error;
      if (code === 'JP_BROKER_AUTH') log.error('NATS server refused the login', { code, error: message, hint });
      else if (code === 'JP_BROKER_UNREACHABLE') log.error('reconnecting', { code, error: message, hint });
      else log.error('NATS server reported an error', { code, err: error });
    },
    closed: (error) => {
      if (!isStopping()) log.error('connection to the NATS server closed', { err: error });
    },
  });
}
