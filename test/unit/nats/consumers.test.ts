import type { Connection } from '../../../host/nats/connection';
import { ensureDurable, type DurableSpec } from '../../../host/nats/consumers';

const SPEC: DurableSpec = {
  stream: 'EVENTS',
  durable: 'badge-award',
  subject: 'video.*',
  from: 'beginning',
  ackWaitMs: 30_000,
  maxAckPending: 1_000,
  owner: { plugin: 'badge', handler: 'award' },
};
const CREATE = 'CONSUMER.CREATE.EVENTS.badge-award.video.*';
const INFO = 'CONSUMER.INFO.EVENTS.badge-award';

type Answer = object | { error: number };

/** A server that answers so, request by request; any other request fails. */
function server(answers: Record<string, Answer[]>) {
  const asked: string[] = [];
  const take = async (request: string): Promise<Answer> => {
    asked.push(request);
    const answer = answers[request]?.shift();
    if (!answer) throw new Error(`nobody expects ${request}`);
    if ('error' in answer) throw Object.assign(new Error('refused'), { api_error: { err_code: answer.error } });
    return answer;
  };
  const connection = {
    acks: { askApi: take },
    jsm: { consumers: { update: (stream: string, durable: string) => take(`update ${stream} ${durable}`) } },
  };
  return { asked, connection: connection as unknown as Connection };
}

const info = (config: object = {}) => ({
  num_pending: 3,
  num_ack_pending: 1,
  delivered: { consumer_seq: 2, stream_seq: 9 },
  ack_floor: { consumer_seq: 1, stream_seq: 7 },
  config: {
    ack_policy: 'explicit',
    filter_subject: 'video.*',
    ack_wait: 30_000_000_000,
    max_ack_pending: 1_000,
    description: 'jetplug badge.award',
    metadata: { 'jetplug.plugin': 'badge', 'jetplug.handler': 'award', _nats: 'x' },
    ...config,
  },
});

test.each<[what: string, spec: Partial<DurableSpec>, answers: Record<string, Answer[]>, asked: string[]]>([
  ['one of which nothing is known is made without a question', {}, { [CREATE]: [info()] }, [CREATE]],
  [
    'one that is there and differs is looked at, and changed',
    {},
    { [CREATE]: [{ error: 10148 }], [INFO]: [info({ max_ack_pending: 5 })], 'update EVENTS badge-award': [info()] },
    [CREATE, INFO, 'update EVENTS badge-award'],
  ],
  [
    'one that is there and differs in where it began is as it is to be',
    { from: 'new' },
    { [CREATE]: [{ error: 10148 }], [INFO]: [info()] },
    [CREATE, INFO],
  ],
  [
    'one that was somewhere is looked for, so that it goes on from there',
    { resumeAfter: 7 },
    { [INFO]: [info()] },
    [INFO],
  ],
  [
    'one that was somewhere and is gone is made again',
    { resumeAfter: 7 },
    { [INFO]: [{ error: 10014 }], [CREATE]: [info()] },
    [INFO, CREATE],
  ],
])('%s', async (_what, spec, answers, requests) => {
  const { asked, connection } = server(answers);
  expect(await ensureDurable(connection, { ...SPEC, ...spec })).toEqual({ pending: 3, inFlight: 1, ackFloor: 7 });
  expect(asked).toEqual(requests);
});

test('all that is published has no subject of its own in the request', async () => {
  const { asked, connection } = server({ 'CONSUMER.CREATE.EVENTS.badge-award': [info({ filter_subject: '>' })] });
  await ensureDurable(connection, { ...SPEC, subject: '>' });
  expect(asked).toHaveLength(1);
});

test('a push consumer by that name is refused, as is one that acks otherwise', async () => {
  for (const config of [{ deliver_subject: 'x' }, { ack_policy: 'none' }]) {
    const { connection } = server({ [CREATE]: [{ error: 10148 }], [INFO]: [info(config)] });
    await expect(ensureDurable(connection, SPEC)).rejects.toMatchObject({ code: 'JP_CONSUMER_NOT_UPDATABLE' });
  }
});

test('of many durables only so many are made at a time, and all in the end', async () => {
  let [now, most] = [0, 0];
  const connection = {
    acks: {
      askApi: async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        return info();
      },
    },
  } as unknown as Connection;
  const made = Array.from({ length: 250 }, (_, n) => ensureDurable(connection, { ...SPEC, durable: `d${n}` }));
  expect(await Promise.all(made)).toHaveLength(250);
  expect(most).toBe(100);
});
