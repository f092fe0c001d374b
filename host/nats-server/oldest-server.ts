import { JetplugError } from '../../sdk/internal';
import { isAtLeast, OLDEST_VERSION } from './version';

/** The JetStream API level of the oldest server: 2.11 answers 1 and 2.12.0 answers 2. Older servers answer none. */
const OLDEST_API_LEVEL = 2;

/**
 * Refuses a NATS server that is older than the oldest supported one.
 * @param where the server's address, for the message
 * @throws JetplugError `JP_BROKER_TOO_OLD`
 */
export function refuseOldServer(version: string, where: string): void {
  if (isAtLeast(version, OLDEST_VERSION)) return;
  throw tooOld(`the NATS server on ${where} has version ${version || 'unknown'}`);
}

/**
 * Refuses JetStream of an older server. With a leaf node, another server than the connected one may answer JetStream
 * requests, so the version of the connection is not enough.
 * @param level the field `api.level` of the answer to `$JS.API.INFO`
 * @throws JetplugError `JP_BROKER_TOO_OLD`
 */
export function refuseOldJetStream(level: number | undefined, where: string): void {
  if (level !== undefined && level >= OLDEST_API_LEVEL) return;
  const version = level === undefined ? 'a version before 2.11' : 'version 2.11';
  throw tooOld(`the server that answers JetStream requests behind ${where} has ${version}`);
}

function tooOld(found: string): JetplugError {
  return new JetplugError('JP_BROKER_TOO_OLD', `${found}; Jetplug needs NATS ${OLDEST_VERSION} or newer`);
}
