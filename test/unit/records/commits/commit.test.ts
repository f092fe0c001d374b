import { decodeCommit, encodeCommit, UnreadableCommit, type Commit } from '../../../../host/records/commits/commit';

const empty: Commit = { host: 'h1', number: 7, runs: [], sent: [], adopted: new Map() };

function unreadable(text: string): UnreadableCommit {
  try {
    decodeCommit(text);
  } catch (error) {
    if (error instanceof UnreadableCommit) return error;
  }
  throw new Error('the text was read');
}

describe('decodeCommit', () => {
  it.each(['', 'no JSON', 'null', '3', '{}', '{"f":0}', '{"f":1}', '{"f":1,"h":[],"r":[{"h":0}]}'])(
    'refuses %j, which is no commit',
    (text) => expect(unreadable(text).isLaterFormat).toBe(false),
  );

  it('says that a commit has a later format', () => {
    expect(unreadable('{"f":2}').isLaterFormat).toBe(true);
  });

  it('reads what encodeCommit has written', () => {
    const commit: Commit = {
      ...empty,
      runs: [
        {
          origin: { handler: 'h', version: 'v', stream: 'EVENTS', sequence: 5, attempt: 2, eventId: 'e', timeMs: 9 },
          event: { durable: 'd', incarnation: 'i', sequence: 5 },
          part: 1,
          writes: new Map([
            ['a', '1'],
            ['__proto__', null],
          ]),
          emits: [{ id: 'x', subject: 's', payload: '{}', headers: { k: 'v' } }],
        },
        { origin: { handler: 'code', timeMs: 1 }, writes: new Map(), emits: [] },
      ],
      sent: [['d i 4', 3]],
      adopted: new Map([['__proto__', 12]]),
      filled: { position: 0, revision: 3 },
    };
    expect(decodeCommit(encodeCommit(commit))).toEqual(commit);
  });

  it('gives an event of a retry queue the sequence in its own stream', () => {
    const origin = { handler: 'h', stream: 'EVENTS', sequence: 5, attempt: 1, timeMs: 9 };
    const event = { durable: 'd', incarnation: 'i', sequence: 77 };
    const [run] = decodeCommit(
      encodeCommit({ ...empty, runs: [{ origin, event, writes: new Map(), emits: [] }] }),
    ).runs;
    expect([run!.origin.sequence, run!.event!.sequence]).toEqual([5, 77]);
  });

  it('stores the source of several runs once', () => {
    const run = { origin: { handler: 'handler-name', timeMs: 1 }, writes: new Map(), emits: [] };
    expect(encodeCommit({ ...empty, runs: [run, run] }).split('handler-name')).toHaveLength(2);
  });
});
