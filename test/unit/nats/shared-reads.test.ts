import type { Msg } from '../../../host/nats/client';
import { SharedReads } from '../../../host/nats/shared-reads';
import { MORE } from '../../../host/nats/requests';
import { rawAnswer } from '../../support/raw-answer';
import { TurnTime } from '../records/commits/turn-time';

const PRESENT = '$KV.b.=present';

/** A replica of a stream: the sequence of the last message of each subject, and the last sequence of the stream. */
interface Replica {
  readonly last: Readonly<Record<string, number>>;
  readonly upTo: number;
  /** How many messages an answer holds. */
  readonly most?: number;
  /** How the answer ends, if the server does not get to its end. */
  readonly ended?: string;
}

function answer(code: number, headers: Record<string, number | string>, description = ''): Msg {
  return rawAnswer(code === 0 ? '' : `${code} ${description}`, headers);
}

/** The answers of a replica, as nats-server 2.12 and 2.15 send them. */
function answersOf({ last, upTo, most = Infinity, ended }: Replica, subjects: readonly string[]): Msg[] {
  const found = subjects.filter((subject) => last[subject] !== undefined).sort((a, b) => last[a]! - last[b]!);
  if (found.length === 0) return [answer(404, {}, 'No Results')];
  const answers: Msg[] = [];
  let before = 0;
  for (const subject of found.slice(0, most)) {
    const sequence = last[subject]!;
    answers.push(answer(0, { 'Nats-Sequence': sequence, 'Nats-Last-Sequence': before, 'Nats-Subject': subject }));
    before = sequence;
  }
  if (ended) return [...answers, answer(404, {}, ended)];
  const left = Math.max(0, found.length - most);
  const end = { 'Nats-Last-Sequence': before, 'Nats-Num-Pending': left, 'Nats-UpTo-Sequence': upTo };
  return [...answers, answer(204, end)];
}

describe('SharedReads', () => {
  let time: TurnTime;
  let asked: string[][];
  let presents: number;
  beforeEach(() => ([time, asked, presents] = [new TurnTime(), [], 0]));
  afterEach(() => time.end());

  /** Reads from replicas that answer in turn; the last one answers all further requests. */
  function readsFrom(...replicas: Replica[]): SharedReads {
    const ask = async (_request: string, body: string, take: (answer: Msg) => unknown): Promise<never> => {
      const { multi_last: subjects } = JSON.parse(body) as { multi_last: string[] };
      asked.push(subjects);
      const replica = replicas.length > 1 ? replicas.shift()! : replicas[0]!;
      for (const each of answersOf(replica, subjects)) {
        const result = take(each);
        if (result !== MORE) return result as never;
      }
      throw new Error('no answer');
    };
    const storePresent = async (): Promise<void> => {
      presents++;
    };
    return new SharedReads({ requests: { ask }, request: 'GET', present: PRESENT, storePresent, time });
  }
  const sequenceOf = async (read: Promise<Msg | undefined>): Promise<number | undefined> =>
    (await read)?.headers && Number((await read)!.headers!.last('Nats-Sequence'));

  it('does not believe a replica that has not reached the sequence', async () => {
    const behind = { last: { [PRESENT]: 1, a: 2 }, upTo: 3 };
    const reads = readsFrom(behind, { last: { [PRESENT]: 1, a: 4 }, upTo: 4 });
    expect(await sequenceOf(reads.read('a', 4))).toBe(4);
    expect(asked).toHaveLength(2);
  });

  it('does not believe such a replica either that a subject has no message', async () => {
    const reads = readsFrom({ last: { [PRESENT]: 1 }, upTo: 3 }, { last: { [PRESENT]: 1, a: 4 }, upTo: 4 });
    expect(await sequenceOf(reads.read('a', 4))).toBe(4);
  });

  it('finds no message on a replica that has reached the sequence', async () => {
    expect(await readsFrom({ last: { [PRESENT]: 1 }, upTo: 9 }).read('a', 4)).toBeUndefined();
  });

  it('stores a message that is always present, because an answer without any message does not say how far it is', async () => {
    const reads = readsFrom({ last: {}, upTo: 9 }, { last: { [PRESENT]: 10 }, upTo: 10 });
    expect(await reads.read('a', 4)).toBeUndefined();
    expect(presents).toBe(1);
  });

  it('needs no such message if any replica may answer', async () => {
    expect(await readsFrom({ last: {}, upTo: 9 }).read('a', 0)).toBeUndefined();
    expect([presents, asked.length]).toEqual([0, 1]);
  });

  it('asks for all subjects of one turn at once, and for those that are left again', async () => {
    const last = { [PRESENT]: 1, a: 2, b: 3, c: 4 };
    const reads = readsFrom({ last, upTo: 4, most: 3 }, { last, upTo: 4 });
    const all = await Promise.all(['a', 'b', 'c', 'a'].map((subject) => sequenceOf(reads.read(subject, 4))));
    expect(all).toEqual([2, 3, 4, 2]);
    expect(asked).toEqual([
      [PRESENT, 'a', 'b', 'c'],
      [PRESENT, 'c'],
    ]);
  });

  it('ends the reads of a request for which the replica is not behind', async () => {
    const last = { [PRESENT]: 1, a: 2, b: 3 };
    const reads = readsFrom({ last, upTo: 3 }, { last: { ...last, b: 4 }, upTo: 4 });
    expect(await Promise.all([sequenceOf(reads.read('a', 3)), sequenceOf(reads.read('b', 4))])).toEqual([2, 4]);
    expect(asked[1]).toEqual([PRESENT, 'b']);
  });

  it('asks again if a message was replaced while the server read the batch', async () => {
    const last = { [PRESENT]: 1, a: 2 };
    const reads = readsFrom({ last, upTo: 2, most: 1, ended: 'Message Not Found' }, { last, upTo: 3 });
    expect(await sequenceOf(reads.read('a', 1))).toBe(2);
    expect(presents).toBe(0);
  });

  it('splits many subjects into several requests', async () => {
    const reads = readsFrom({ last: { [PRESENT]: 1 }, upTo: 1 });
    await Promise.all(Array.from({ length: 1_001 }, (_, i) => reads.read(`k${i}`, 1)));
    expect(asked.map((subjects) => subjects.length)).toEqual([501, 501, 2]);
  });

  it('rejects if no replica reaches the sequence within five seconds', async () => {
    const beganMs = time.nowMs();
    await expect(readsFrom({ last: { [PRESENT]: 1 }, upTo: 3 }).read('a', 4)).rejects.toThrow(
      'no replica has the writes up to 4: the replica has those up to 3',
    );
    expect(time.nowMs() - beganMs).toBeGreaterThanOrEqual(5_000);
  });

  it('rejects all reads of a request that fails', async () => {
    const ask = jest.fn().mockRejectedValue(new Error('down'));
    const options = { request: 'GET', present: PRESENT, storePresent: async () => undefined, time };
    const reads = new SharedReads({ ...options, requests: { ask } });
    const results = await Promise.allSettled([reads.read('a', 1), reads.read('b', 1)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(ask).toHaveBeenCalledTimes(1);
  });
});
