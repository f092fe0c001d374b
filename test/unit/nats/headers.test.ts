import { headers } from 'nats';
import { readHeaders, toHeaders } from '../../../host/nats/headers';

test('all values of a header survive both ways, and the last one is its value', () => {
  const sent = toHeaders({ headers: { once: '1', twice: 'b' }, repeated: { twice: ['a', 'b'] } });
  expect([sent.values('once'), sent.values('twice')]).toEqual([['1'], ['a', 'b']]);
  expect(readHeaders(sent)).toEqual({ headers: { once: '1', twice: 'b' }, repeated: { twice: ['a', 'b'] } });
});

test('a message without headers has none, and single values are not repeated', () => {
  expect(readHeaders(undefined)).toEqual({ headers: {} });
  const one = headers();
  one.append('once', '1');
  expect(readHeaders(one)).toEqual({ headers: { once: '1' } });
});
