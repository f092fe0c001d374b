import { RateControl, type RateControlOptions } from '../../../host/plugin/rate-control';
import { RecordingLog } from '../../../host/testing/recording-log';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { DURABLE } from '../../support/durable-spec';

/** The control of a handler with a rate and a key. `calls` has the calls to its intake and to its feed. */
function control(isDrained: boolean) {
  const calls: string[] = [];
  const note = (call: string) => (): void => void calls.push(call);
  const pinned = {
    ...{ isHeld: true, keep: note('keep'), standAside: note('stand aside') },
    standBy: (mayTake: boolean) => calls.push(`stand by ${mayTake}`),
  };
  const feed = { pinned, leave: async () => void calls.push('leave'), takeBackRequests: note('take back') };
  const intake = {
    pace: { grant: note('grant'), revoke: note('revoke') },
    ...{ releaseQueued: note('release'), drain: async () => isDrained, reopen: note('reopen') },
  };
  const host = { time: new VirtualTime(0), records: {}, rebalance: { add: note('add'), remove: note('remove') } };
  const options = { durable: DURABLE, feeds: [feed], intake } as unknown as RateControlOptions;
  return { rate: new RateControl(options, host as never, new RecordingLog()), calls };
}

const STANDS_BY = ['stand by false', 'revoke', 'release', 'take back'];

test('a handler that is handed over leaves its events when its runs have ended', async () => {
  const { rate, calls } = control(true);
  expect(await rate.handOver()).toBe(true);
  expect(calls).toEqual([...STANDS_BY, 'leave', 'reopen']);
});

test('a host that keeps a handler with slow runs takes over its events once more, because the released ones lost their order', async () => {
  const { rate, calls } = control(false);
  expect(await rate.handOver()).toBe(false);
  expect(calls).toEqual([...STANDS_BY, 'reopen', 'keep']);
});

test('a host that has lost the lease drops the events of a handler with a key', () => {
  const { rate, calls } = control(true);
  rate.lost();
  expect(calls).toEqual([...STANDS_BY, 'stand aside']);
});
