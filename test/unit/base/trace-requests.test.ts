import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { traceRequests } from '../../../host/base/trace-requests';

let server: Server;
let url: string;
const received: IncomingHttpHeaders[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    received.push(request.headers);
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});
beforeEach(() => (received.length = 0));

test('requests of fetch get the headers of the moment, until it is ended', async () => {
  let headers: Record<string, string> | undefined = { traceparent: '00-a-b-01', tracestate: 'x=1' };
  const end = traceRequests(() => headers);
  await fetch(url);
  headers = undefined;
  await fetch(url);
  headers = { traceparent: '00-a-c-01' };
  end();
  await fetch(url);
  expect(received.map(({ traceparent, tracestate }) => [traceparent, tracestate])).toEqual([
    ['00-a-b-01', 'x=1'],
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

test('a header that the request has is kept', async () => {
  const end = traceRequests(() => ({ traceparent: '00-a-b-01' }));
  await fetch(url, { headers: { Traceparent: '00-own-own-00' } });
  end();
  expect(received.map(({ traceparent }) => traceparent)).toEqual(['00-own-own-00']);
});

test('requests of node:http get the headers where Node.js announces them', () => {
  const end = traceRequests(() => ({ traceparent: '00-a-b-01', tracestate: 'x=1' }));
  const set: string[][] = [];
  const request = {
    hasHeader: (name: string) => name === 'tracestate',
    setHeader: (name: string, value: string) => void set.push([name, value]),
  };
  channel('http.client.request.created').publish({ request });
  end();
  channel('http.client.request.created').publish({ request });
  expect(set).toEqual([['traceparent', '00-a-b-01']]);
});
