import type { Connection } from '../../../host/nats/connection';
import { DeadLetterStream } from '../../../host/nats/dead-letter-stream';

/** A letter as the server sends it, and how many follow it. */
type Sent = readonly [id: number, pending: number];

/** Lists the letters of a stream that sends these letters, one list for each request. */
async function listed(stored: readonly number[], ...answers: readonly (readonly Sent[])[]): Promise<number[]> {
  const rest = [...answers];
  const msg = { _msg: { hdr: -1 }, _rdata: Buffer.of() };
  const fetch = async () => rest.shift()!.map(([seq, pending]) => ({ seq, msg, data: Buffer.of(), info: { pending } }));
  const getMessage = async (_stream: string, { seq }: { seq: number }) => {
    if (stored.some((id) => id >= seq)) return { seq };
    throw Object.assign(new Error('no message found'), { code: '404', api_error: { err_code: 10037 } });
  };
  const connection = {
    requests: { askApi: async () => ({ state: { messages: 1, last_seq: 9 } }) },
    js: { consumers: { get: async () => ({ fetch }) } },
    jsm: { streams: { getMessage } },
  } as unknown as Connection;
  const ids: number[] = [];
  for await (const { id } of new DeadLetterStream(connection, 'DEAD').list()) ids.push(id);
  expect(rest).toEqual([]);
  return ids;
}

test('a server that sends nothing for a while does not end the list of letters', async () => {
  const sent: Sent[][] = [
    [],
    [
      [1, 2],
      [2, 1],
    ],
    [],
    [[3, 0]],
  ];
  expect(await listed([1, 2, 3], ...sent)).toEqual([1, 2, 3]);
});

test('letters that are removed while they are listed end the list', async () => {
  expect(await listed([1], [[1, 4]], [])).toEqual([1]);
});
