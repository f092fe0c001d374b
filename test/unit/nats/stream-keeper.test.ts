import type { StreamInfo } from 'nats';
import { JetplugError } from '../../../sdk/internal';
import type { Connection } from '../../../host/nats/connection';
import type { StreamDeletion } from '../../../host/nats/stream-deletion';
import { StreamKeeper } from '../../../host/nats/stream-keeper';
import { ALONE } from '../../../host/nats/stream-loss';
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
    requests: {
      askApi: async (): Promise<Partial<StreamInfo>> => {
        if (this.created === undefined) throw Object.assign(new Error('stream not found'), NOT_FOUND);
        return { created: this.created, state: { messages: 3, last_seq: 7 } } as StreamInfo;
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

test('a lost stream that this deployment does not manage is not created', async () => {
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

test('a stream in place of the lost one is checked before it is used', async () => {
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

test('an unchanged stream is not created', async () => {
  const create = jest.fn(async () => undefined);
  await keeper.add({ name: 'EVENTS', contents: 'the events', create });
  server.reconnected();
  await keeper.whenChecked('EVENTS');
  expect([create.mock.calls, keeper.missing]).toEqual([[], []]);
});

describe('a stream whose settings somebody changes', () => {
  let drift: string[];
  const driftOf = () => drift;
  let repairs: boolean;

  beforeEach(() => {
    jest.useFakeTimers();
    [drift, repairs] = [[], true];
    keeper.stop();
    keeper = new StreamKeeper(server.connection, log, { ...ALONE, repairs: async () => repairs });
    keeper.start();
  });
  afterEach(() => jest.useRealTimers());

  test('gets its settings back within 5 s', async () => {
    const create = jest.fn(async () => void (drift = []));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create, driftOf });
    drift = ['maxAge 1h → 7d'];
    await jest.advanceTimersByTimeAsync(5_000);
    expect([create.mock.calls.length, keeper.drifted]).toEqual([1, []]);
    expect(log.lines).toMatchObject([
      { message: 'the settings of a stream are put back', fields: { stream: 'EVENTS', changes: ['maxAge 1h → 7d'] } },
    ]);
  });

  test('keeps them where drift is only reported, and is logged once', async () => {
    repairs = false;
    const create = jest.fn(async () => undefined);
    await keeper.add({ name: 'EVENTS', contents: 'the events', create, driftOf });
    drift = ['maxAge 1h → 7d'];
    await jest.advanceTimersByTimeAsync(20_000);
    expect(create).not.toHaveBeenCalled();
    expect(keeper.drifted).toEqual([{ stream: 'EVENTS', drift }]);
    drift = [];
    await jest.advanceTimersByTimeAsync(5_000);
    expect(keeper.drifted).toEqual([]);
    expect(log.lines.map(({ message }) => message)).toEqual([
      'the settings of a stream were changed on the server; they are kept',
      'a stream has the settings of the config again',
    ]);
  });

  test('is shown as long as the settings cannot be put back', async () => {
    const create = () => Promise.reject(new JetplugError('JP_STREAM_DATA_LOSS', 'it would lose events'));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create, driftOf });
    drift = ['maxAge 30d → 7d'];
    await jest.advanceTimersByTimeAsync(20_000);
    expect(keeper.drifted).toEqual([{ stream: 'EVENTS', drift }]);
    expect(log.lines.map(({ message }) => message)).toEqual(['the settings of a stream cannot be put back']);
  });

  test('is one of many that are checked in turn within 30 s', async () => {
    const checked = new Set<string>();
    for (let n = 0; n < 200; n++) {
      const name = `KV_${n}`;
      const note = () => (checked.add(name), []);
      await keeper.add({ name, contents: 'values', create: async () => undefined, driftOf: note });
    }
    checked.clear();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(checked.size).toBe(34);
    await jest.advanceTimersByTimeAsync(25_000);
    expect(checked.size).toBe(200);
  });
});

describe('a stream that is deleted under a running host', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    keeper.stop();
    keeper = new StreamKeeper(server.connection, log);
    keeper.start();
  });
  afterEach(() => jest.useRealTimers());

  test('is created again within 30 s, without a reconnect', async () => {
    const create = jest.fn(async () => void (server.created = 'second'));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    server.created = undefined;
    await jest.advanceTimersByTimeAsync(30_000);
    expect(create).toHaveBeenCalledTimes(1);
    expect(keeper.missing).toEqual([]);
    expect(log.lines.map(({ message }) => message)).toContain('stream lost with its messages; creating it again');
  });

  test('is reported as missing while a foreign stream has its name', async () => {
    const create = jest.fn(() => Promise.reject(new JetplugError('JP_STREAM_FOREIGN', 'it is foreign')));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    server.created = 'of another deployment';
    await jest.advanceTimersByTimeAsync(30_000);
    expect(create).toHaveBeenCalled();
    expect(keeper.missing).toEqual(['EVENTS']);
  });

  test('is checked as soon as a handler finds another stream in its place', async () => {
    const create = jest.fn(() => Promise.reject(new JetplugError('JP_STREAM_FOREIGN', 'it is foreign')));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    await jest.advanceTimersByTimeAsync(2_000);
    server.created = 'of another deployment';
    const created = keeper.createdAt('EVENTS');
    await jest.advanceTimersByTimeAsync(10);
    expect(await created).toBe('of another deployment');
    expect(keeper.missing).toEqual(['EVENTS']);
  });

  test('is not created where it is unchanged', async () => {
    const create = jest.fn(async () => undefined);
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    await jest.advanceTimersByTimeAsync(90_000);
    expect([create.mock.calls, keeper.missing]).toEqual([[], []]);
  });
});

describe('a stream that `jetplug apply` deletes', () => {
  let waits: boolean;
  let deletion: StreamDeletion | undefined;
  let create: jest.Mock;
  const messages = (): string[] => log.lines.filter(({ level }) => level !== 'debug').map(({ message }) => message);

  beforeEach(async () => {
    jest.useFakeTimers();
    waits = true;
    deletion = { created: 'first', again: true, by: 'ann@desk', at: '2026-05-12T12:00:00.000Z' };
    keeper.stop();
    keeper = new StreamKeeper(server.connection, log, {
      ...ALONE,
      waits: async () => waits,
      deletionOf: async (_, created) => (created === deletion?.created ? deletion : undefined),
    });
    keeper.start();
    create = jest.fn(async () => void (server.created ??= 'by this host'));
    await keeper.add({ name: 'EVENTS', contents: 'the events', create });
    await jest.advanceTimersByTimeAsync(2_000);
  });
  afterEach(() => jest.useRealTimers());

  test('and has created again is no loss, and begins anew', async () => {
    const lost = jest.fn();
    await keeper.add({ name: 'EVENTS', contents: 'the events', create, lost });
    server.created = 'by apply';
    await jest.advanceTimersByTimeAsync(5_000);
    expect(log.lines).toMatchObject([
      {
        level: 'info',
        message: 'stream deleted by `jetplug apply`, which creates it again',
        fields: { stream: 'EVENTS', messages: 3, lastSequence: 7, by: 'ann@desk', at: '2026-05-12T12:00:00.000Z' },
      },
    ]);
    expect([lost.mock.calls.length, keeper.missing]).toEqual([1, []]);
  });

  test('is not created by a host with an earlier config before 10 s', async () => {
    server.created = undefined;
    keeper.checkSoon('EVENTS');
    await jest.advanceTimersByTimeAsync(9_900);
    expect([create.mock.calls, keeper.missing]).toEqual([[], ['EVENTS']]);
    await jest.advanceTimersByTimeAsync(200);
    expect([create.mock.calls.length, keeper.missing]).toEqual([1, []]);
    expect(messages()).toEqual(['stream deleted by `jetplug apply`, which creates it again']);
  });

  test('is created at once by a host with the same config', async () => {
    waits = false;
    server.created = undefined;
    keeper.checkSoon('EVENTS');
    await jest.advanceTimersByTimeAsync(10);
    expect([create.mock.calls.length, keeper.missing]).toEqual([1, []]);
  });

  test('because the newer config does not name it is created only when this config is the newest again', async () => {
    deletion = { ...deletion!, again: false };
    server.created = undefined;
    keeper.checkSoon('EVENTS');
    await jest.advanceTimersByTimeAsync(600_000);
    expect([create.mock.calls, keeper.missing]).toEqual([[], ['EVENTS']]);
    expect(messages()).toEqual(['stream deleted by `jetplug apply`, because its config does not name it']);
    waits = false;
    await jest.advanceTimersByTimeAsync(1_000);
    expect([create.mock.calls.length, keeper.missing]).toEqual([1, []]);
  });

  test('and that is lost later is reported as lost then', async () => {
    waits = false;
    server.created = 'second';
    await jest.advanceTimersByTimeAsync(5_000);
    server.created = 'third';
    await jest.advanceTimersByTimeAsync(5_000);
    expect(messages()).toEqual([
      'stream deleted by `jetplug apply`, which creates it again',
      'stream lost with its messages; creating it again',
    ]);
  });
});
