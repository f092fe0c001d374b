import type { Connection } from '../../../host/nats/connection';
import { PluginStreams } from '../../../host/nats/plugin-streams';

type Ask = (request: string, body: { readonly subject: string; readonly offset: number }) => Promise<unknown>;

/** A server with these streams, which lists two of them in an answer. */
function serverWith(...streams: string[]): jest.Mock<Promise<unknown>, Parameters<Ask>> {
  return jest.fn(async (_request, { offset }) => ({
    total: streams.length,
    streams: streams.slice(offset, offset + 2),
  }));
}

const on = (askApi: Ask): PluginStreams => new PluginStreams({ requests: { askApi } } as unknown as Connection);

test('a plugin may have a store if it has a bucket or a log, on whatever page of the names', async () => {
  const streams = on(serverWith('KV_jetplug', 'KV_jetplug-a', 'KV_other', 'LOG_jetplug-b', 'KV_jetplug-c'));
  const plugins = ['a', 'b', 'c', 'd', 'other'];
  expect(await Promise.all(plugins.map((plugin) => streams.mayExist(plugin)))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

test('calls in one turn share a request, and a later call sends another', async () => {
  const askApi = serverWith('KV_jetplug-a');
  const streams = on(askApi);
  await Promise.all([streams.mayExist('a'), streams.mayExist('b')]);
  expect(askApi.mock.calls).toEqual([['STREAM.NAMES', { subject: '$KV.*.commit', offset: 0 }]]);
  await streams.mayExist('b');
  expect(askApi).toHaveBeenCalledTimes(2);
});

test('where the server refuses the request, each plugin may have a store', async () => {
  expect(await on(() => Promise.reject(new Error('refused'))).mayExist('a')).toBe(true);
});

test('a server without such streams has none', async () => {
  expect(await on(async () => ({ total: 0, streams: null })).mayExist('a')).toBe(false);
});
