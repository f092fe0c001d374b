import { JetStreamLog } from '../../../host/nats/commit-log';
import { Bucket } from '../../../host/nats/bucket';
import { jetStreamError } from '../../../host/nats/client';
import type { Connection } from '../../../host/nats/connection';
import { MORE } from '../../../host/nats/requests';
import { Conflict } from '../../../host/records/key-value';
import { rawAnswer } from '../../support/raw-answer';

interface Answer {
  readonly sequence?: number;
  /** The sequence of the answer before it. */
  readonly before: number;
}

const message = ({ sequence, before }: Answer): object => {
  const headers = { 'Nats-Sequence': sequence ?? '', 'Nats-Last-Sequence': before };
  return rawAnswer(sequence === undefined ? '204 EOB' : '', headers, `commit ${sequence}`);
};

/** A log on a server that answers a request for a batch with these messages. */
async function logThatAnswers(...answers: Answer[]): Promise<JetStreamLog> {
  const ask = async (_subject: string, _body: string, read: (answer: object) => unknown): Promise<unknown> => {
    for (const answer of answers) {
      const result = read(message(answer));
      if (result !== MORE) return result;
    }
    throw new Error('no answer');
  };
  const connection = { apiPrefix: '$JS.API', requests: { ask, askApi: async () => ({}) } };
  return (await JetStreamLog.find(connection as unknown as Connection, 'shop'))!;
}

const positions = async (log: JetStreamLog): Promise<number[]> =>
  (await log.readAfter(4)).map(({ position }) => position);

test('a batch is read in order', async () => {
  const log = await logThatAnswers({ sequence: 5, before: 0 }, { sequence: 6, before: 5 }, { before: 6 });
  expect(await positions(log)).toEqual([5, 6]);
});

test.each([
  ['first', [{ sequence: 6, before: 5 }, { before: 6 }]],
  ['middle', [{ sequence: 5, before: 0 }, { sequence: 7, before: 6 }, { before: 7 }]],
  ['last', [{ sequence: 5, before: 0 }, { before: 6 }]],
])('a batch whose %s message did not arrive is refused', async (_which, answers: Answer[]) => {
  await expect(positions(await logThatAnswers(...answers))).rejects.toMatchObject({ code: 'JP_STORE_UNAVAILABLE' });
});

test('a batch from which commits were removed meanwhile ends before them', async () => {
  const log = await logThatAnswers(
    { sequence: 5, before: 0 },
    { sequence: 8, before: 5 },
    { sequence: 9, before: 8 },
    { before: 9 },
  );
  expect(await positions(log)).toEqual([5]);
});

/** A connection to a cluster whose leader has the message, and whose other replicas are behind. */
function connectionWithStaleReplicas(message: {
  readonly seq: number;
  readonly data: string;
  readonly time?: string;
}): Connection {
  const ask = async (_subject: string, _body: string, read: (answer: object) => unknown): Promise<unknown> =>
    read(rawAnswer('404 Message Not Found', {}));
  const askApi = async (request: string): Promise<object> => {
    expect(request).toMatch(/^STREAM\.(MSG\.GET|INFO)\./);
    return { message };
  };
  return { apiPrefix: '$JS.API', requests: { ask, askApi } } as unknown as Connection;
}

test('a commit that only the leader has is read', async () => {
  const time = '2026-05-12T12:00:00.123456789Z';
  const connection = connectionWithStaleReplicas({ seq: 5, data: Buffer.from('commit').toString('base64'), time });
  const log = await JetStreamLog.find(connection, 'shop');
  const storedAtMs = Date.parse('2026-05-12T12:00:00.123Z');
  expect(await log?.readAfter(4)).toEqual([{ position: 5, text: 'commit', storedAtMs }]);
});

test('the latest value of a bucket is that of the leader', async () => {
  const connection = connectionWithStaleReplicas({ seq: 5, data: Buffer.from('value').toString('base64') });
  const bucket = Bucket.at(connection, 'jetplug-shop');
  expect(await bucket.get('k')).toBeUndefined();
  expect(await bucket.get('k', { latest: true })).toEqual({ value: 'value', revision: 5 });
});

test.each([10071, 10164])(
  'a value that is refused with %d, because another one is stored, is a conflict',
  async (err_code) => {
    const error = Object.assign(new Error('wrong last sequence'), { api_error: { err_code } });
    const requests = { publish: () => Promise.reject(error) };
    const bucket = Bucket.at({ apiPrefix: '$JS.API', requests } as unknown as Connection, 'jetplug-shop');
    await expect(bucket.put('k', 'value', 1)).rejects.toThrow(Conflict);
  },
);

test.each([3, 6])('an acknowledgement at position %i of an append behind 4 counts as no answer', async (seq) => {
  const publish = async (): Promise<object> => ({ stream: 'LOG_jetplug-shop', seq });
  const requests = { publish, askApi: async () => ({}) };
  const connection = { apiPrefix: '$JS.API', requests } as unknown as Connection;
  const log = (await JetStreamLog.find(connection, 'shop'))!;
  await expect(log.append('commit', 4)).rejects.toMatchObject({
    code: 'JP_STORE_UNAVAILABLE',
    message: expect.stringContaining(`position ${seq} for an append behind 4`),
  });
});

test('a bucket that is too full for the value that a read of several keys needs is read from its leader', async () => {
  const connection = connectionWithStaleReplicas({ seq: 5, data: '' });
  const nothing = rawAnswer('404 No Results', {});
  const published: string[] = [];
  Object.assign(connection.requests, {
    ask: async (_subject: string, _body: string, read: (answer: object) => unknown) => read(nothing),
    publish: async (subject: string) => {
      published.push(subject);
      throw jetStreamError({ code: 503, err_code: 10_077, description: 'maximum bytes exceeded' });
    },
  });
  expect(await Bucket.at(connection, 'jetplug-shop').get('k', { asOf: 4 })).toEqual({ value: '', revision: 5 });
  expect(published).toEqual(['$KV.jetplug-shop.=present']);
});
