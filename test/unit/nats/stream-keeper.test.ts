import type { StreamInfo } from 'nats';
import { JetplugError } from '../../../sdk/internal';
import type { Connection } from '../../../host/nats/connection';
import { StreamKeeper } from '../../../host/nats/stream-keeper';
import { eventually } from '../../support/eventually';
import { RecordingLog } from '../../../host/testing/recording-log';

const NOT_FOUND = { api_error: { err_code: 10059, description: 'stream not found' } };

/** A server with at most one stream, and a connection whose reconnect a test triggers. */
class FakeServer {
  created: string | undefined = 'first';
  reconnected: () => void = () => undefined;

  readonly connection = {
    connected: true,
    onReconnect: (listener: () => void) => {
      this.reconnected = listener;
      return () => undefined;
    },
    jsm: {
      streams: {
        info: async (): Promise<Partial<StreamInfo>> => {
          if (this.created === undefined) throw Object.assign(new Error('stream not found'), NOT_FOUND);
          return { created: this.created, state: { messages: 3, last_seq: 7 } } as StreamInfo;
        },
      },
    },
  } as unknown as Connection;
}

let server: FakeServer;
let log: RecordingLog;
let keeper: StreamKeeper;
beforeEach(() => {
  server = new FakeServer();
  log = new RecordingLog();
  keeper = new StreamKeeper(server.connection, log);
  keeper.start();
});
afterEach(() => keeper.stop());

test('a stream that this deployment does not manage is waited for, not made', async () => {
  const create = jest.fn(async () => {
    if (server.created === undefined) throw new JetplugError('JP_STREAM_MISSING', 'it is missing');
  });
  await keeper.add({ name: 'EVENTS', contents: 'the events', managed: false, create });
  server.created = undefined;
  server.reconnected();
  await eventually(() => keeper.missing.includes('EVENTS'));
  expect(log.lines.map(({ message }) => message)).toContain(
    'stream lost with its messages; waiting for its owner to create it',
  );
  server.created = 'second';
  await eventually(() => keeper.missing.length === 0);
});

test('a stream that somebody made in place of the lost one is checked before it is used', async () => {
  let isForeign = true;
  const create = jest.fn(async () => {
    if (isForeign) throw new JetplugError('JP_STREAM_FOREIGN', 'it is foreign');
  });
  await keeper.add({ name: 'EVENTS', contents: 'the events', create });
  server.created = 'second';
  server.reconnected();
  await eventually(() => create.mock.calls.length > 0);
  expect(keeper.missing).toEqual(['EVENTS']);
  isForeign = false;
  await eventually(() => keeper.missing.length === 0);
});

test('a stream that is as it was is only looked at', async () => {
  const create = jest.fn(async () => undefined);
  await keeper.add({ name: 'EVENTS', contents: 'the events', create });
  server.reconnected();
  await keeper.whenChecked('EVENTS');
  expect([create.mock.calls, keeper.missing]).toEqual([[], []]);
});

describe('a stream that somebody deletes under a running host', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    keeper.stop();
    keeper = new StreamKeeper(server.connection, log);
    keeper.start();
  });
  afterEach(() => jest.useRealTimers());

  test('is made again within 30 s, with no reconnect', async () => {
    const create = jest.fn(async () => void (server.created = 'second'));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    server.created = undefined;
    await jest.advanceTimersByTimeAsync(30_000);
    expect(create).toHaveBeenCalledTimes(1);
    expect(keeper.missing).toEqual([]);
    expect(log.lines.map(({ message }) => message)).toContain('stream lost with its messages; creating it again');
  });

  test('is said to be missing while a foreign one stands in its place', async () => {
    const create = jest.fn(() => Promise.reject(new JetplugError('JP_STREAM_FOREIGN', 'it is foreign')));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    server.created = 'of another deployment';
    await jest.advanceTimersByTimeAsync(30_000);
    expect(create).toHaveBeenCalled();
    expect(keeper.missing).toEqual(['EVENTS']);
  });

  test('is looked at as soon as a handler finds another one in its place', async () => {
    const create = jest.fn(() => Promise.reject(new JetplugError('JP_STREAM_FOREIGN', 'it is foreign')));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    await jest.advanceTimersByTimeAsync(2_000);
    server.created = 'of another deployment';
    const created = keeper.createdAt('EVENTS');
    await jest.advanceTimersByTimeAsync(10);
    expect(await created).toBe('of another deployment');
    expect(keeper.missing).toEqual(['EVENTS']);
  });

  test('is left alone where it is as it was', async () => {
    const create = jest.fn(async () => undefined);
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    await jest.advanceTimersByTimeAsync(90_000);
    expect([create.mock.calls, keeper.missing]).toEqual([[], []]);
  });
});
