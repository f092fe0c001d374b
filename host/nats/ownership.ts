/**
 * Marks in the server's metadata that say which deployment manages a stream, a bucket or a durable.
 * The host changes only assets that have the mark of its own deployment.
 */

/** The metadata key that holds the name of the deployment. */
const DEPLOYMENT = 'jetplug.deployment';

/** The manager of an asset on the server, seen from one deployment. */
export type Ownership =
  | { readonly kind: 'ours' }
  /** Another deployment of Jetplug manages it. */
  | { readonly kind: 'other-deployment'; readonly deployment: string }
  /** No mark: another application or an operator has created it. */
  | { readonly kind: 'unmarked' };

/** Returns the metadata entries that mark an asset as managed by the deployment. */
export function markOf(deployment: string): Record<string, string> {
  return { [DEPLOYMENT]: deployment };
}

/** Returns an asset's manager, from the mark in the asset's metadata. */
export function ownershipOf(metadata: Record<string, string> | undefined, deployment: string): Ownership {
  const marked = metadata?.[DEPLOYMENT];
  if (marked === undefined) return { kind: 'unmarked' };
  return marked === deployment ? { kind: 'ours' } : { kind: 'other-deployment', deployment: marked };
}

/**
 * Returns the metadata entries of an asset without those that the server adds by itself. It adds some only to the answer
 * of some requests.
 */
export function givenMetadata(metadata: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith('_nats.')));
}
