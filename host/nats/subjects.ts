import type { NatsConfig } from '../config/config';

const API_PREFIX = '$JS.API';

/** The prefix of the JetStream API's subjects: that of a domain, one that is configured, or the usual one. */
export function apiPrefixOf({ domain, apiPrefix }: Partial<Pick<NatsConfig, 'domain' | 'apiPrefix'>>): string {
  return domain === undefined ? (apiPrefix ?? API_PREFIX) : `$JS.${domain}.API`;
}

/**
 * The prefix for publishing to a key-value bucket, as every NATS client does it: with another API prefix the
 * subjects of the bucket go below that one, so that they reach the bucket of that domain or account and no other.
 */
export function bucketPrefixOf(apiPrefix: string): string {
  return apiPrefix === API_PREFIX ? '' : `${apiPrefix}.`;
}
