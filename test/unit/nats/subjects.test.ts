import { apiPrefixOf, bucketPrefixOf } from '../../../host/nats/subjects';

test.each([
  [{}, '$JS.API', ''],
  [{ domain: 'hub' }, '$JS.hub.API', '$JS.hub.API.'],
  [{ apiPrefix: 'JS.ops.API' }, 'JS.ops.API', 'JS.ops.API.'],
  [{ apiPrefix: '$JS.API' }, '$JS.API', ''],
])('with %j the API prefix is %s, and the prefix of bucket subjects is "%s"', (nats, api, bucket) => {
  expect(apiPrefixOf(nats)).toBe(api);
  expect(bucketPrefixOf(api)).toBe(bucket);
});
