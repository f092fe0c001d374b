import { Connection } from '../../host/nats/connection';
import { DeadLetterStream } from '../../host/nats/dead-letter-stream';
import { Scene } from '../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

test('removing a letter again, in the middle of the stream or at its ends, is no error', async () => {
  const server = await scene.server();
  const connection = await Connection.open({ servers: [server.url], name: 'test' });
  try {
    await connection.jsm.streams.add({ name: 'DEAD', subjects: ['dead.>'] });
    for (let i = 0; i < 3; i++) await connection.js.publish(`dead.p.h.EVENTS.${i}`, '');
    const letters = new DeadLetterStream(connection, 'DEAD');
    // The server has another error for each: a gap, a sequence before its first message, and one that it never had.
    for (const id of [2, 2, 1, 1, 3, 3, 9]) await letters.remove(id);
    expect((await connection.jsm.streams.info('DEAD')).state.messages).toBe(0);
  } finally {
    await connection.close();
  }
});
