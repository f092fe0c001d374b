import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { AckPolicy, RetentionPolicy } from 'nats';
import type { TlsConfig } from '../../host/config/config';
import { Connection } from '../../host/nats/connection';
import { asBrokerError } from '../../host/nats/failures';
import { Scene } from '../support/scene';

/** Certificates that are valid for 127.0.0.1 for a hundred years, and one that the authority has not signed. */
const TLS = join(__dirname, '../fixtures/tls');
const file = (name: string): string => join(TLS, name);
const CA: TlsConfig = { caFile: file('ca.pem') };
const CLIENT: TlsConfig = { ...CA, certFile: file('client.pem'), keyFile: file('client.key') };
const STRANGER: TlsConfig = { ...CA, certFile: file('stranger.pem'), keyFile: file('stranger.key') };
const SERVER_TLS = { cert_file: file('server.pem'), key_file: file('server.key'), ca_file: file('ca.pem') };

const scene = new Scene();
afterAll(() => scene.end());

const open = (url: string, nats: object = {}): Promise<Connection> =>
  Connection.open({ servers: [url], name: 'test', nats });

async function connects(url: string, nats: object): Promise<boolean> {
  await (await open(url, nats)).close();
  return true;
}

/** Failures that take the client some seconds each. All of them start at the same time. */
let slow: Record<'tlsFirst' | 'certificateMissing' | 'certificateRefused' | 'noQuorum' | 'webServer', Promise<unknown>>;
let tlsFirst: string;
let verifies: string;
const web = { sockets: [] as Socket[], server: createServer() };

beforeAll(async () => {
  tlsFirst = (await scene.server({ tls: { ...SERVER_TLS, handshake_first: true } })).url;
  verifies = (await scene.server({ tls: { ...SERVER_TLS, verify: true } })).url;
  // One of three servers; the other two do not run.
  const routes = ['nats://127.0.0.1:1', 'nats://127.0.0.1:2'];
  const alone = await scene.server({ server_name: 'n0', cluster: { name: 'c', listen: '127.0.0.1:-1', routes } });
  web.server.on('connection', (socket) => {
    web.sockets.push(socket.on('error', () => undefined)); // The client closes the connection without a message.
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  const failureOf = (url: string, nats: object = {}): Promise<unknown> =>
    open(url, nats).then(
      () => undefined,
      (error: unknown) => error,
    );
  slow = {
    tlsFirst: failureOf(tlsFirst, { tls: CA }),
    certificateMissing: failureOf(verifies, { tls: CA }),
    certificateRefused: failureOf(verifies, { tls: STRANGER }),
    noQuorum: failureOf(alone.url),
    webServer: failureOf(await urlOf(web.server)),
  };
});
afterAll(() => {
  for (const socket of web.sockets) socket.destroy();
  web.server.close();
});

async function urlOf(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a server that starts with TLS is joined with nats.tls.handshakeFirst, and the error without it says so', async () => {
  expect(await connects(tlsFirst, { tls: { ...CA, handshakeFirst: true } })).toBe(true);
  await expect(open(tlsFirst, { tls: { handshakeFirst: true } })).rejects.toMatchObject({
    code: 'JP_BROKER_TLS',
    hint: expect.stringContaining('nats.tls.caFile'),
  });
  expect(await slow.tlsFirst).toMatchObject({
    code: 'JP_BROKER_TLS',
    message: expect.stringContaining('starts with the TLS handshake'),
    hint: 'Set nats.tls.handshakeFirst to true.',
  });
}, 20_000);

test('a server that greets in plain text is not reported as one that starts with TLS', async () => {
  await expect(open(verifies, { tls: { ...CLIENT, handshakeFirst: true } })).rejects.toMatchObject({
    code: 'JP_BROKER_TLS',
    hint: expect.stringContaining('handshakeFirst to false'),
  });
  await expect(open(verifies)).rejects.toMatchObject({ hint: expect.stringContaining('nats.tls.caFile') });
});

test('a server that requires a client certificate reports one that is missing, or of another authority', async () => {
  expect(await connects(verifies, { tls: CLIENT })).toBe(true);
  expect(await slow.certificateMissing).toMatchObject({
    code: 'JP_BROKER_TLS',
    message: expect.stringContaining('requires a client certificate'),
    hint: 'Set nats.tls.certFile and nats.tls.keyFile.',
  });
  expect(await slow.certificateRefused).toMatchObject({
    code: 'JP_BROKER_TLS',
    message: expect.stringContaining('does not accept the client certificate'),
  });
}, 20_000);

test('a cluster without a majority is named when it does not answer', async () => {
  expect(await slow.noQuorum).toMatchObject({
    code: 'JP_BROKER_NO_QUORUM',
    hint: expect.stringContaining('majority'),
  });
}, 20_000);

describe('the limits of an account', () => {
  let url: string;
  const failureOf = async (work: Promise<unknown>) =>
    asBrokerError(
      await work.then(
        () => undefined,
        (error: unknown) => error,
      ),
      'x',
    );
  const as = (user: string): Promise<Connection> => open(url, { credentials: { user, password: user } });

  beforeAll(async () => {
    const account = (name: string, jetstream: unknown) => ({
      ...(jetstream !== undefined && { jetstream }),
      users: [{ user: name, password: name }],
    });
    ({ url } = await scene.server({
      accounts: {
        COUNTS: account('counts', { max_streams: 1, max_consumers: 1, max_ack_pending: 100 }),
        BYTES: account('bytes', { max_file: 10_000_000, max_bytes_required: true, disk_max_stream_bytes: 1_000_000 }),
        NONE: account('none', undefined),
        MORE: account('more', 'enabled'),
      },
    }));
  });

  test('on streams, consumers and unsettled deliveries have different errors', async () => {
    const { jsm, close } = await limited(as('counts'));
    await jsm.streams.add({ name: 'A', subjects: ['a.>'] });
    const durable = (name: string, max_ack_pending: number) =>
      jsm.consumers.add('A', { durable_name: name, ack_policy: AckPolicy.Explicit, max_ack_pending });
    expect(await failureOf(durable('c1', 5_000))).toMatchObject({
      code: 'JP_ACCOUNT_LIMIT',
      hint: expect.stringContaining('maxAckPending'),
    });
    await durable('c1', 100);
    expect(await failureOf(durable('c2', 100))).toMatchObject({
      code: 'JP_ACCOUNT_LIMIT',
      message: expect.stringContaining('consumers'),
    });
    expect(await failureOf(jsm.streams.add({ name: 'B', subjects: ['b.>'] }))).toMatchObject({
      code: 'JP_ACCOUNT_LIMIT',
      message: expect.stringContaining('streams'),
    });
    await close();
  });

  test('on bytes have different errors', async () => {
    const { jsm, close } = await limited(as('bytes'));
    const stream = (max_bytes: number) => jsm.streams.add({ name: 'A', subjects: ['a.>'], max_bytes });
    expect(await failureOf(stream(-1))).toMatchObject({
      code: 'JP_ACCOUNT_LIMIT',
      hint: expect.stringContaining('store.maxBytes'),
    });
    expect(await failureOf(stream(5_000_000))).toMatchObject({
      code: 'JP_ACCOUNT_LIMIT',
      message: expect.stringContaining('one stream'),
    });
    await close();
  });

  test('a server without TLS is named where TLS is configured', async () => {
    await expect(open(url, { tls: CA })).rejects.toMatchObject({
      code: 'JP_BROKER_TLS',
      message: expect.stringContaining('offers no TLS'),
    });
  });

  test('an account without JetStream and a server without it have different errors', async () => {
    await expect(as('none')).rejects.toMatchObject({
      code: 'JP_BROKER_NO_JETSTREAM',
      message: expect.stringContaining('not enabled for the account'),
    });
  });

  test('work queues, mirrors and replicas have errors of their own', async () => {
    const { jsm, close } = await limited(as('more'));
    await jsm.streams.add({ name: 'Q', subjects: ['q.>'], retention: RetentionPolicy.Workqueue });
    const durable = (name: string, filter_subject: string) =>
      jsm.consumers.add('Q', { durable_name: name, ack_policy: AckPolicy.Explicit, filter_subject });
    await durable('one', 'q.a');
    expect(await failureOf(durable('two', 'q.a'))).toMatchObject({ code: 'JP_CONSUMER_WORK_QUEUE' });
    await jsm.streams.add({ name: 'A', subjects: ['a.>'] });
    await jsm.streams.add({ name: 'M', mirror: { name: 'A' } });
    expect(await failureOf(jsm.streams.update('M', { subjects: ['m.>'] }))).toMatchObject({ code: 'JP_STREAM_MIRROR' });
    expect(await failureOf(jsm.streams.add({ name: 'R', subjects: ['r.>'], num_replicas: 3 }))).toMatchObject({
      code: 'JP_STREAM_REPLICAS',
    });
    expect(await failureOf(jsm.streams.add({ name: 'B', subjects: ['a.x'] }))).toMatchObject({
      code: 'JP_STREAM_OVERLAP',
    });
    await close();
  });
});

test('an error about a server that is not NATS quotes its answer, or reports that it is silent', async () => {
  const mail = createServer((socket) => socket.on('error', () => undefined).end('220 mail ready\r\n'));
  try {
    await expect(open(await urlOf(mail))).rejects.toMatchObject({
      code: 'JP_BROKER_NOT_NATS',
      message: expect.stringContaining('it says “220 mail ready”'),
    });
  } finally {
    mail.close();
  }
  expect(await slow.webServer).toMatchObject({
    code: 'JP_BROKER_NOT_NATS',
    message: expect.stringContaining('it does not greet as one'),
  });
}, 20_000);

async function limited(
  connection: Promise<Connection>,
): Promise<Pick<Connection, 'jsm'> & { close: () => Promise<void> }> {
  const opened = await connection;
  return { jsm: opened.jsm, close: () => opened.close() };
}
