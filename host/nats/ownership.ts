import { JetplugError } from '../../sdk/internal';

/**
 * Marks in the server's metadata that say which deployment manages a stream, a bucket or a durable.
 * The host changes only assets that have the mark of its own deployment.
 */

/** The metadata key that holds the name of the deployment. */
const DEPLOYMENT = 'jetplug.deployment';
/** The metadata key that holds the format of the other keys. Without it the format is 1. */
const FORMAT_KEY = 'jetplug.format';
const FORMAT = 1;

/** The manager of an asset on the server, seen from one deployment. */
export type Ownership =
  | { readonly kind: 'ours' }
  /** Another deployment of Jetplug manages it. */
  | { readonly kind: 'other-deployment'; readonly deployment: string }
  /** A later version of Jetplug has marked it, with metadata that this version may misread. */
  | { readonly kind: 'newer'; readonly format: string }
  /** No mark: another application or an operator has created it. */
  | { readonly kind: 'unmarked' };

/** Returns the metadata entries that mark an asset as managed by the deployment. */
export function markOf(deployment: string): Record<string, string> {
  return { [DEPLOYMENT]: deployment, ...storedFormat(FORMAT) };
}

/** Format 1 has no entry, so that assets of earlier builds need no update. */
function storedFormat(format: number): Record<string, string> {
  return format > 1 ? { [FORMAT_KEY]: String(format) } : {};
}

/** Returns an asset's manager, from the mark in the asset's metadata. */
export function ownershipOf(metadata: Record<string, string> | undefined, deployment: string): Ownership {
  const marked = metadata?.[DEPLOYMENT];
  if (marked === undefined) return { kind: 'unmarked' };
  if (marked !== deployment) return { kind: 'other-deployment', deployment: marked };
  const { [FORMAT_KEY]: format = '1' } = metadata!;
  return Number(format) > FORMAT ? { kind: 'newer', format } : { kind: 'ours' };
}

/** Returns the error for an asset that a later version of Jetplug has set up. */
export function newerAsset(what: string, format: string): JetplugError {
  return new JetplugError(
    'JP_RECORD_NEWER',
    `the mark of ${what} has format ${format}, and this host reads format ${FORMAT}`,
  );
}

/**
 * Returns the metadata entries of an asset without those that the server adds by itself. It adds some only to the answer
 * of some requests.
 */
export function givenMetadata(metadata: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith('_nats.')));
}
