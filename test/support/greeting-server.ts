import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A stand-in for a NATS server: it greets, answers pings, and answers requests with the given JSON. */
export interface GreetingServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @param answers the JSON answer for each subject; requests on other subjects get no answer */
export async function startGreetingServer(
  info: object,
  answers: Readonly<Record<string, object>> = {},
): Promise<GreetingServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => sockets.delete(socket)); // The client closes without a protocol message.
    socket.write(`INFO ${JSON.stringify({ server_id: 'x', max_payload: 1_048_576, headers: true, ...info })}\r\n`);
    let sid = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      for (const line of chunk.split('\r\n')) {
        const [command, subject = '', third = ''] = line.split(' ');
        if (command === 'PING') socket.write('PONG\r\n');
        if (command === 'SUB') sid = third;
        const answer = command === 'PUB' ? answers[subject] : undefined;
        if (answer === undefined) continue;
        const text = JSON.stringify(answer);
        socket.write(`MSG ${third} ${sid} ${Buffer.byteLength(text)}\r\n${text}\r\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
