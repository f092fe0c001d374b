import { headers } from 'nats';
import { Connection } from '../../host/nats/connection';
import { ensureManagedStream } from '../../host/nats/managed-stream';
import { deadLetterStream } from '../../host/nats/wanted-streams';
import { changeLetters } from '../../host/ops/letters/change-letters';
import { dropWave } from '../../host/ops/letters/drop';
import { letterTest } from '../../host/ops/letters/letter-filter';
import { LetterIndex } from '../../host/ops/letters/letter-index';
import { findLetters } from '../../host/ops/letters/letter-services';
import { prepareRetries, redriveWave } from '../../host/ops/letters/redrive';
import { groupLetters } from '../../host/page/letters/letter-groups';
import { configOf } from '../../host/testing/options';
import { Scene } from '../support/scene';
import { storedLetter } from '../support/stored-letter';
import { count, report } from './proof';

const LETTERS = count(5_000, 100_000);
/** The stack of an error in the headers of a letter, which the index must not keep. */
const STACK = 'Error: at work (file.ts:1:1) '.repeat(50);
/** The index keeps at most so many bytes of a letter with an error of its own. */
const MAX_BYTES_PER_LETTER = 1_000;

const scene = new Scene();
afterAll(() => scene.end());

test('many dead letters are listed, grouped, searched, dropped and redriven, each event once', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const connection = await Connection.open({ servers: [server.url], name: 'test' });
  const config = configOf({});
  const times: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T> | T): Promise<T> => {
    const beganMs = performance.now();
    const result = await work();
    times[`${name} ms`] = Math.round(performance.now() - beganMs);
    return result;
  };
  const services = await findLetters(connection, config);
  const index = new LetterIndex(services.stream);
  const read = async () => {
    index.expire();
    return (await index.read()).letters;
  };
  try {
    await ensureManagedStream(connection, deadLetterStream(config), config.deploy);
    for (let n = 1; n <= LETTERS; n++) {
      const block = headers();
      const letter = storedLetter({ given: { sequence: n }, error: new Error(`user u${n} is unknown`) });
      for (const [name, value] of Object.entries({ ...letter.headers, 'x-error-stack': STACK })) block.set(name, value);
      nats.publish(`dead.badge.award.EVENTS.${n}`, letter.payload, { headers: block });
      if (n % 500 === 0) await connection.jsm.streams.info('DEAD');
    }
    global.gc?.();
    const before = process.memoryUsage().heapUsed;
    const letters = await timed('first list', read);
    expect(letters).toHaveLength(LETTERS);
    global.gc?.();
    const heap = process.memoryUsage().heapUsed - before;
    if (global.gc) expect(heap / LETTERS).toBeLessThan(MAX_BYTES_PER_LETTER);
    await timed('list again', read);
    const [group] = await timed('group', () => groupLetters(letters, Date.now()));
    expect(group!.count).toBe(LETTERS);
    const found = await timed('search', () => letters.filter(letterTest({ q: `U${LETTERS} ` })));
    expect(found.map(({ sequence }) => sequence)).toEqual([LETTERS]);

    const some = letters.slice(0, LETTERS / 10);
    const dropped = await timed(`drop ${some.length}`, () => changeLetters(some, dropWave(services.stream)));
    expect(dropped.changed).toHaveLength(some.length);
    const left = await timed('list after drop', read);
    expect(left.map(({ id }) => id)).toEqual(letters.slice(some.length).map(({ id }) => id));
    await prepareRetries(left, services);
    const redriven = await timed(`redrive ${left.length}`, () => changeLetters(left, redriveWave(services)));
    expect([redriven.changed.length, redriven.failures]).toEqual([left.length, []]);
    // Until an event is settled its letter stays, and another redrive sends it no second time.
    await changeLetters(left.slice(0, 500), redriveWave(services));
    expect((await connection.jsm.streams.info('RETRY')).state.messages).toBe(left.length);
    report('many letters', JSON.stringify({ letters: LETTERS, 'heap MB': Math.round(heap / 1e6), ...times }));
  } finally {
    index.close();
    await connection.close();
  }
});
