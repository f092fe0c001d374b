import { connect, type Socket } from 'node:net';

/** Publishes with a header block of any bytes, which no client library would send, and waits until the server has it. */
export async function publishRaw(port: number, subject: string, headerBlock: Buffer, payload: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await said(socket, 'INFO');
    socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n');
    socket.write(`HPUB ${subject} ${headerBlock.length} ${headerBlock.length + payload.length}\r\n`);
    socket.write(Buffer.concat([headerBlock, payload, Buffer.from('\r\nPING\r\n')]));
    await said(socket, 'PONG');
  } finally {
    socket.destroy();
  }
}

/** Resolves when the server has sent the word. Rejects when it sends an error. */
async function said(socket: Socket, word: string): Promise<void> {
  let text = '';
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('-ERR')) reject(new Error(text));
      else if (text.includes(word)) resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
  });
}
