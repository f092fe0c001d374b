import type { StreamInfo } from 'nats';
import { JetplugError } from '../../../sdk/internal';
import type { Connection } from '../../../host/nats/connection';
import { StreamKeeper } from '../../../host/nats/stream-keeper';
import { eventually } from '../../support/eventually';
import { RecordingLog } from '../../support/recording-log';

const NOT_FOUND = { api_error: { err_code: 10059, description: 'stream not found' } };

/** A server with at most one stream, and a connection that can be told to have come back. */
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
let kept: StreamKeeper;
beforeEach(() => {
  server = new FakeServer();
  log = new RecordingLog();
  kept = new StreamKeeper(server.connection, log);
});
afterEach(() => kept.stop());

test('a stream that this deployment does not manage is waited for, not made', async () => {
  const make = jest.fn(async () => {
    if (server.created === undefined) throw new JetplugError('JP_STREAM_MISSING', 'it is missing');
  });
  await kept.keep({ name: 'EVENTS', what: 'the events', managed: false, make });
  server.created = undefined;
  server.reconnected();
  await eventually(() => kept.missing.includes('EVENTS'));
  expect(log.lines.map(({ message }) => message)).toContain(
    'a stream is lost with what it held; this deployment does not manage it and waits for it',
  );
  server.created = 'second';
  await eventually(() => kept.missing.length === 0);
});

test('a stream that somebody made in place of the lost one is checked before it is used', async () => {
  let isForeign = true;
  const make = jest.fn(async () => {
    if (isForeign) throw new JetplugError('JP_STREAM_FOREIGN', 'it is foreign');
  });
  await kept.keep({ name: 'EVENTS', what: 'the events', make });
  server.created = 'second';
  server.reconnected();
  await eventually(() => make.mock.calls.length > 0);
  expect(kept.missing).toEqual(['EVENTS']);
  isForeign = false;
  await eventually(() => kept.missing.length === 0);
});

test('a stream that is as it was is only looked at', async () => {
  const make = jest.fn(async () => undefined);
  await kept.keep({ name: 'EVENTS', what: 'the events', make });
  server.reconnected();
  await kept.whenChecked('EVENTS');
  expect([make.mock.calls, kept.missing]).toEqual([[], []]);
});

describe('a stream that somebody deletes under a running host', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    kept.stop();
    kept = new StreamKeeper(server.connection, log);
  });
  afterEach(() => jest.useRealTimers());

  test('is made again within 30 s, with no reconnect', async () => {
    const make = jest.fn(async () => void (server.created = 'second'));
    await kept.keep({ name: 'EVENTS', what: 'the events', make });
    server.created = undefined;
    await jest.advanceTimersByTimeAsync(30_000);
    expect(make).toHaveBeenCalledTimes(1);
    expect(kept.missing).toEqual([]);
    expect(log.lines.map(({ message }) => message)).toContain('a stream is lost with what it held; it is made again');
  });

  test('is said to be missing while a foreign one stands in its place', async () => {
    const make = jest.fn(() => Promise.reject(new JetplugError('JP_STREAM_FOREIGN', 'it is foreign')));
    await kept.keep({ name: 'EVENTS', what: 'the events', make });
    server.created = 'of another deployment';
    await jest.advanceTimersByTimeAsync(30_000);
    expect(make).toHaveBeenCalled();
    expect(kept.missing).toEqual(['EVENTS']);
  });

  test('is looked at as soon as a handler finds another one in its place', async () => {
    const make = jest.fn(() => Promise.reject(new JetplugError('JP_STREAM_FOREIGN', 'it is foreign')));
    await kept.keep({ name: 'EVENTS', what: 'the events', make });
    await jest.advanceTimersByTimeAsync(2_000);
    server.created = 'of another deployment';
    const created = kept.created('EVENTS');
    await jest.advanceTimersByTimeAsync(10);
    expect(await created).toBe('of another deployment');
    expect(kept.missing).toEqual(['EVENTS']);
  });

  test('is left alone where it is as it was', async () => {
    const make = jest.fn(async () => undefined);
    await kept.keep({ name: 'EVENTS', what: 'the events', make });
    await jest.advanceTimersByTimeAsync(90_000);
    expect([make.mock.calls, kept.missing]).toEqual([[], []]);
  });
});
