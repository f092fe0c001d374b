import { apiPrefixOf, bucketPrefixOf } from '../../../host/nats/subjects';

test.each([
  [{}, '$JS.API', ''],
  [{ domain: 'hub' }, '$JS.hub.API', '$JS.hub.API.'],
  [{ apiPrefix: 'JS.ops.API' }, 'JS.ops.API', 'JS.ops.API.'],
  [{ apiPrefix: '$JS.API' }, '$JS.API', ''],
])('with %j the API is below %s, and buckets are published to below "%s"', (nats, api, bucket) => {
  expect(apiPrefixOf(nats)).toBe(api);
  expect(bucketPrefixOf(api)).toBe(bucket);
});
