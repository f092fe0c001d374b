import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { resolve4 } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { blockNetwork } from '../../../host/base/block-network';

const attempts: string[] = [];
const refusal = (message: string): Error => Object.assign(new Error(message), { code: 'REFUSED' });
const block = (): (() => void) => blockNetwork({ attempted: (what) => attempts.push(what), refusal });
beforeEach(() => attempts.splice(0));

test('connections, requests, servers, look-ups and datagrams fail with the refusal', async () => {
  const open = block();
  try {
    await expect(once(connect(5432, 'db'), 'connect')).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(fetch('http://api.example/')).rejects.toMatchObject({ cause: { code: 'REFUSED' } });
    await expect(once(createServer().listen(81, '127.0.0.1'), 'listening')).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(
      new Promise((_, reject) => {
        lookup('db', reject);
      }),
    ).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(resolve4('db')).rejects.toMatchObject({ code: 'REFUSED' });
    const socket = createSocket('udp4');
    await expect(
      new Promise((_, reject) => {
        socket.send('x', 53, 'db', reject);
      }),
    ).rejects.toMatchObject({
      code: 'REFUSED',
    });
    socket.close();
    expect(attempts).toEqual([
      'connects to db:5432',
      'connects to api.example:80',
      'listens on 127.0.0.1:81',
      'looks up db',
      'looks up db',
      'sends a datagram',
    ]);
  } finally {
    open();
  }
});

test('the network works again when the block has ended', async () => {
  block()();
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket.resume(), 'close');
  server.close();
  expect(attempts).toEqual([]);
});
