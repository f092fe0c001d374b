import type { Connection } from '../../../host/nats/connection';
import { SentIds } from '../../../host/nats/sent-ids';

interface Stored {
  readonly seq: number;
  readonly id: string;
}

/** A stream whose consumers deliver the stored messages from a sequence on. */
function bench(stored: Stored[]) {
  const starts: (number | undefined)[] = [];
  let deleted = 0;
  let isStuck = false;
  const connection = {
    jsm: {
      streams: { find: async () => 'EVENTS' },
      consumers: {
        add: async (_stream: string, { opt_start_seq }: { opt_start_seq?: number }) => {
          starts.push(opt_start_seq);
          return { name: `c${starts.length}` };
        },
      },
    },
    js: {
      consumers: {
        get: async () => {
          const rest = stored.filter(({ seq }) => seq >= (starts.at(-1) ?? 0));
          return {
            info: async () => ({ num_pending: rest.length }),
            fetch: async () =>
              isStuck
                ? []
                : rest.map(({ seq, id }, i) => ({
                    seq,
                    headers: new Map([['Nats-Msg-Id', id]]),
                    info: { pending: rest.length - i - 1 },
                  })),
            delete: async () => {
              deleted++;
            },
          };
        },
      },
    },
  };
  return {
    ids: new SentIds(connection as unknown as Connection),
    starts,
    deleted: () => deleted,
    stick: () => (isStuck = true),
  };
}

test('callers at one time share one search', async () => {
  const { ids, starts, deleted } = bench([
    { seq: 3, id: 'a' },
    { seq: 5, id: 'b' },
  ]);
  const [one, other] = await Promise.all([ids.since('orders.placed', 10), ids.since('orders.placed', 20)]);
  expect([...one]).toEqual(['a', 'b']);
  expect([...other]).toEqual(['a', 'b']);
  expect(starts).toEqual([undefined]);
  expect(deleted()).toBe(1);
});

test('a later search continues after the last message that was read', async () => {
  jest.useFakeTimers();
  const stored = [{ seq: 3, id: 'a' }];
  const { ids, starts } = bench(stored);
  await ids.since('orders.placed', 10);
  stored.push({ seq: 7, id: 'b' });
  jest.advanceTimersByTime(2_000);
  expect([...(await ids.since('orders.placed', 10))]).toEqual(['a', 'b']);
  expect(starts).toEqual([undefined, 4]);
  jest.useRealTimers();
});

test('an earlier time starts a new search', async () => {
  const { ids, starts } = bench([{ seq: 3, id: 'a' }]);
  await ids.since('orders.placed', 10);
  await ids.since('orders.placed', 5);
  expect(starts).toEqual([undefined, undefined]);
});

test('a search that does not reach the end of the stream fails', async () => {
  const { ids, stick } = bench([{ seq: 3, id: 'a' }]);
  stick();
  await expect(ids.since('orders.placed', 10)).rejects.toMatchObject({ code: 'JP_PUBLISH_FAILED' });
});
