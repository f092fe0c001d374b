import type { NatsConfig } from '../config/config';

const API_PREFIX = '$JS.API';

/** Returns the prefix of the JetStream API's subjects: that of the domain, the configured one, or the default. */
export function apiPrefixOf({ domain, apiPrefix }: Partial<Pick<NatsConfig, 'domain' | 'apiPrefix'>>): string {
  return domain === undefined ? (apiPrefix ?? API_PREFIX) : `$JS.${domain}.API`;
}

/**
 * Returns the prefix for publishing to a key-value bucket, as in every NATS client. With another API prefix the
 * bucket's subjects follow that prefix, so that they reach only the bucket of that domain or account.
 */
export function bucketPrefixOf(apiPrefix: string): string {
  return apiPrefix === API_PREFIX ? '' : `${apiPrefix}.`;
}
