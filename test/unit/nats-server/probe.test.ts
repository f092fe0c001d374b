import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { probe, type Answer } from '../../../host/nats-server/probe';

const SHORT_MS = 150;
/** Generous, as the machine may be busy. */
const LONG_MS = 5_000;
const greeting = { server_name: 'n1', version: '2.15.2', jetstream: true, max_payload: 1048576 };

test('a NATS server with JetStream is recognised by its greeting', async () => {
  const answer = await ask((socket) => socket.write(`INFO ${JSON.stringify(greeting)} \r\n`));
  expect(answer).toEqual({
    kind: 'nats',
    name: 'n1',
    version: '2.15.2',
    jetStream: true,
    tlsRequired: false,
  });
});

test('a greeting that arrives in pieces is read, with names of any script', async () => {
  const line = Buffer.from(`INFO ${JSON.stringify({ ...greeting, server_name: 'zürich-日本' })}\r\n`);
  const answer = await ask(async (socket) => {
    for (const byte of line) {
      socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
  }, LONG_MS);
  expect(answer).toMatchObject({ kind: 'nats', name: 'zürich-日本' });
});

test('a server without JetStream and one that requires TLS are recognised', async () => {
  const answer = await ask((socket) =>
    socket.write(`INFO ${JSON.stringify({ ...greeting, jetstream: undefined, tls_required: true })}\r\n`),
  );
  expect(answer).toMatchObject({ kind: 'nats', jetStream: false, tlsRequired: true });
});

test.each([
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', '“SSH-2.0-OpenSSH_9.2”'],
  ['binary noise', '\x00\x01\xff\xfe', '“..”'],
  ['a greeting that is no JSON', 'INFO {nope\r\n', '“INFO {nope”'],
  ['a greeting of something else', 'INFO {"a":1}\r\n', '“INFO {"a":1}”'],
  ['a greeting that is null', 'INFO null\r\n', '“INFO null”'],
])('%s is not NATS', async (_, text, said) => {
  const answer = await ask((socket) => socket.write(text, 'latin1'));
  expect(answer.kind).toBe('not-nats');
  if (said !== '“..”') expect(answer).toEqual({ kind: 'not-nats', said, silent: false });
});

test('a greeting without end is not NATS', async () => {
  const answer = await ask((socket) => socket.write(`INFO ${'x'.repeat(70_000)}`), LONG_MS);
  expect(answer.kind).toBe('not-nats');
});

test('a server that accepts and sends nothing is not NATS', async () => {
  expect(await ask(() => undefined)).toEqual({
    kind: 'not-nats',
    silent: true,
    said: 'nothing, where a NATS server sends a greeting',
  });
});

test('a server that closes at once is not NATS', async () => {
  expect(await ask((socket) => socket.destroy())).toMatchObject({ kind: 'not-nats' });
});

test('an address on which nothing listens has no answer', async () => {
  const server = await listen(() => undefined);
  const port = portOf(server);
  await close(server);
  expect(await probe('127.0.0.1', port)).toEqual({ kind: 'nothing', why: expect.stringContaining('ECONNREFUSED') });
});

async function ask(greet: (socket: Socket) => unknown, timeoutMs = SHORT_MS): Promise<Answer> {
  const server = await listen((socket) => {
    socket.on('error', () => socket.destroy());
    void greet(socket);
  });
  try {
    return await probe('127.0.0.1', portOf(server), timeoutMs);
  } finally {
    await close(server);
  }
}

async function listen(greet: (socket: Socket) => void): Promise<Server> {
  const server = createServer(greet).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
