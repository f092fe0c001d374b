import type { DurablePosition } from '../../../host/broker/durable';
import { PinnedFeed, type PinnedFeedOptions } from '../../../host/plugin/pinned-feed';
import { JetplugError } from '../../../sdk/internal';
import { DURABLE } from '../../support/durable-spec';
import { memoryHost } from '../../support/memory-host';

const POSITION = { delivered: 7 } as DurablePosition;

/** A feed whose host has the pin. `calls` has the calls that a takeover makes. */
function pinnedFeed(claim: (mayClaim: () => boolean, lose: () => void) => boolean, resets = true) {
  const calls: string[] = [];
  const { log } = memoryHost();
  let isHeld = true;
  const lose = (): void => void (isHeld = false);
  const pin = {
    get isHeld() {
      return isHeld;
    },
    confirm: async () => isHeld,
    lose: () => {
      calls.push('lose');
      lose();
    },
    countRedelivered: (upTo: number) => calls.push(`count redelivered ${upTo}`),
    release: async () => {
      throw new JetplugError('JP_BROKER_NO_QUORUM', 'the broker did not answer');
    },
  };
  const settlements = { forgetDeliveries: () => calls.push('forget'), claimedElsewhere: (): void => undefined };
  const commits = {
    find: async () => ({ claim: async (_durable: string, mayClaim: () => boolean) => claim(mayClaim, lose) }),
  };
  const reset = async (): Promise<boolean> => {
    calls.push('reset');
    return resets;
  };
  const feed = new PinnedFeed(
    {
      ...{ durable: DURABLE, pin, target: { settlements } },
      pull: { pause: () => calls.push('pause'), resume: () => calls.push('resume') },
      // Its runs take longer than a hand-over waits.
      intake: { drain: async () => false, reopen: () => calls.push('reopen') },
    } as unknown as PinnedFeedOptions,
    { broker: { pins: { reset } }, commits: { get: () => commits } } as never,
    log,
  );
  return { feed, calls, settlements, log };
}

test('a takeover claims the handler, then has its events delivered again in order', async () => {
  const { feed, calls, settlements } = pinnedFeed((mayClaim) => mayClaim());
  expect(await feed.takeOver(POSITION)).toBe(true);
  expect(calls).toEqual(['reset', 'forget', 'count redelivered 7']);
  settlements.claimedElsewhere();
  expect(calls.at(-1)).toBe('lose');
});

test('a host that has lost the pin while it was disconnected does not claim the handler', async () => {
  const { feed, calls } = pinnedFeed((_mayClaim, lose) => {
    calls.push('claim');
    lose();
    return true;
  });
  await feed.takeOver(POSITION);
  calls.length = 0;
  expect(await feed.takeOver(POSITION)).toBe(true);
  expect(calls).toEqual([]);
});

test('a server that cannot deliver again in order leaves the wait for redeliveries to the feed', async () => {
  const { feed, calls, log } = pinnedFeed(() => true, false);
  for (let n = 0; n < 2; n++) expect(await feed.takeOver(POSITION)).toBe(false);
  expect(calls).toEqual(['reset', 'reset']);
  expect(log.lines.filter(({ message }) => message.includes('NATS before 2.14'))).toHaveLength(1);
});

test.each<[what: string, claim: (mayClaim: () => boolean, lose: () => void) => boolean, calls: string[]]>([
  ['has claimed the handler since', () => false, ['lose']],
  [
    'has got the pin before the claim was committed',
    (mayClaim, lose) => {
      lose();
      return mayClaim();
    },
    ['lose'],
  ],
  [
    'has got the pin when the claim is committed',
    (_mayClaim, lose) => {
      lose();
      return true;
    },
    [],
  ],
])('a takeover ends without a reset if another host %s', async (_what, claim, expected) => {
  const { feed, calls } = pinnedFeed(claim);
  expect(await feed.takeOver(POSITION)).toBe(true);
  expect(calls).toEqual(expected);
});

test('a host stops although the server does not answer when it gives up the pin', async () => {
  const { feed } = pinnedFeed(() => true);
  await expect(feed.release()).resolves.toBeUndefined();
});

test('a host that keeps a handler with slow runs resumes its pull', async () => {
  const { feed, calls } = pinnedFeed(() => true);
  await feed.handOver();
  expect(calls).toEqual(['pause', 'reopen', 'resume']);
});
