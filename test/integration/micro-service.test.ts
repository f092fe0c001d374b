/** The hosts' micro service answers every request, whatever it holds and whatever comes of it. */
import { headers as makeHeaders, RequestStrategy, type Msg, type NatsConnection } from 'nats';
import { JetplugError } from '../../sdk/internal';
import { serveAnswers, type Endpoint } from '../../host/nats/serve-answers';
import { RecordingLog } from '../../host/testing/recording-log';
import { Scene } from '../support/scene';

const WORDS = { description: 'd', request: 'r', response: 'a' };
const endpoint = (answer: Endpoint['answer'], figures?: Endpoint['figures']): Endpoint => ({
  ...{ ...WORDS, answer },
  ...(figures && { figures }),
});
const failing = (thrown: unknown): Endpoint =>
  endpoint(async () => {
    throw thrown as Error;
  });

const scene = new Scene();
const log = new RecordingLog();
let nats: NatsConnection;
let version = 'v1';

beforeAll(async () => {
  const server = await scene.server({ max_payload: 200_000 });
  nats = await scene.client(server.url);
  const connection = await scene.connection(server);
  await serveAnswers(connection, {
    ...{ version: '1.2.3', log, metadata: { fixed: 'yes' }, liveMetadata: { live: () => version } },
    endpoints: {
      echo: endpoint(
        async (about) => ({ about }),
        async () => ({ version }),
      ),
      huge: endpoint(async () => 'x'.repeat(300_000)),
      known: failing(new JetplugError('JP_SUBJECT_INVALID', 'line one\r\nline two', { hint: 'do this' })),
      unknown: failing(new TypeError('odd')),
      text: failing('only text'),
      twice: endpoint(async (_about, { send }) => {
        send('"first"');
        send('x'.repeat(300_000));
        return 'last';
      }),
    },
  });
  // The tests ask on another connection, so the server must have the subscriptions.
  await connection.nc.flush();
});
afterAll(() => scene.end());

const ask = (name: string, payload: string | Uint8Array = ''): Promise<Msg> =>
  nats.request(`jetplug.${name}`, payload, { timeout: 10_000 });
const errorOf = (message: Msg) => ({
  status: message.headers?.get('Nats-Service-Error-Code'),
  text: message.headers?.get('Nats-Service-Error'),
  code: message.headers?.get('Jetplug-Error-Code'),
  body: message.json<{ code: string; message: string; hint: string }>(),
});

test('a request is answered, also one with headers or a payload at the limit', async () => {
  expect((await ask('echo', 'é\u0000')).json()).toEqual({ about: 'é\u0000' });
  const headers = makeHeaders();
  headers.set('x', '1');
  expect((await nats.request('jetplug.echo', 'a', { headers, timeout: 10_000 })).json()).toEqual({ about: 'a' });
  expect((await ask('echo', 'x'.repeat(65_536))).json<{ about: string }>().about).toHaveLength(65_536);
});

test.each([
  ['a larger payload', 'x'.repeat(65_537), 'the request has 65537 bytes, and at most 65536 are read'],
  ['a payload that is not UTF-8', new Uint8Array([0xff, 0xfe]), 'the request is not UTF-8'],
])('%s is refused', async (_what, payload, message) => {
  const code = 'JP_REQUEST_INVALID';
  const { status, text, body, ...error } = errorOf(await ask('echo', payload));
  expect([status, text, error.code]).toEqual(['400', message, code]);
  expect(body).toMatchObject({ code, message, hint: expect.stringContaining('docs/api.md') });
});

test.each([
  ['huge', 'JP_ANSWER_TOO_LARGE', 'the answer has 300002 bytes, and the server takes 200000'],
  ['known', 'JP_SUBJECT_INVALID', 'line one line two'],
  ['unknown', 'JP_INTERNAL', 'odd'],
  ['text', 'JP_INTERNAL', 'only text'],
])('a failure of the endpoint %s is an answer with %s', async (name, code, text) => {
  const error = errorOf(await ask(name));
  expect(error).toMatchObject({ status: '500', code, text, body: { code } });
});

test('a further answer that cannot be sent is left out and logged', async () => {
  const answers: unknown[] = [];
  for await (const message of await nats.requestMany('jetplug.twice', '', {
    ...{ strategy: RequestStrategy.Count, maxMessages: 2, maxWait: 10_000 },
  }))
    answers.push(message.json());
  expect(answers).toEqual(['first', 'last']);
  expect(log.lines).toMatchObject([{ level: 'debug', message: 'cannot answer a request' }]);
});

test('the information has the metadata as it is now', async () => {
  const info = async () => (await nats.request('$SRV.INFO.jetplug')).json<{ metadata: object }>().metadata;
  version = 'v1';
  expect(await info()).toEqual({ fixed: 'yes', live: 'v1' });
  version = 'v2';
  expect(await info()).toEqual({ fixed: 'yes', live: 'v2' });
});

test('the statistics count answers and errors, with their time, and have the figures of an endpoint', async () => {
  const stats = async (name: string) =>
    (await nats.request('$SRV.STATS.jetplug'))
      .json<{ endpoints: { name: string; [number: string]: unknown }[] }>()
      .endpoints.find((one) => one.name === name)!;
  const before = await stats('unknown');
  await ask('unknown');
  await ask('unknown');
  const after = await stats('unknown');
  expect(Number(after['num_requests']) - Number(before['num_requests'])).toBe(2);
  expect(Number(after['num_errors']) - Number(before['num_errors'])).toBe(2);
  expect(after['last_error']).toBe('odd');
  expect(after['average_processing_time']).toBeGreaterThan(0);
  expect(await stats('echo')).toMatchObject({ num_errors: 2, data: { version } });
});
