import type { DurableLook, DurablePosition } from '../../../host/broker/durable';
import type { DurablePull } from '../../../host/broker/pull';
import { DurableCondition } from '../../../host/plugin/durable-condition';
import { DurableRepair, type DurableRepairOptions } from '../../../host/plugin/durable-repair';
import { openSettlements } from '../../../host/plugin/reconcile';
import { JetplugError } from '../../../sdk/internal';
import { memoryHost, settle } from '../../support/memory-host';
import { DURABLE } from '../../support/durable-spec';

const POSITION: DurablePosition = {
  pending: 4,
  inFlight: 3,
  ackFloor: 0,
  delivered: 0,
  created: '2026-05-12T12:00:00.000Z',
};
const REFUSAL = new JetplugError('JP_CONSUMER_NOT_UPDATABLE', 'its ack policy is none');

/** A repair with a fake pull. `calls` has the calls of the pull, and those of `usable`, in their order. */
async function repairing(over: Partial<DurableRepairOptions> = {}) {
  const base = memoryHost();
  const { host, broker } = base;
  const calls: string[] = [];
  const note = (call: string) => (): void => void calls.push(call);
  const pull = { suspend: note('suspend'), renew: note('renew'), nudge: note('nudge'), found: note('found') };
  const ensured = jest.spyOn(broker, 'ensureDurable').mockResolvedValue(POSITION);
  const settlements = await openSettlements(DURABLE, host);
  const refreshed = jest.spyOn(settlements, 'refresh');
  const condition = new DurableCondition(DURABLE, base.log, host.time);
  const options: DurableRepairOptions = {
    durable: DURABLE,
    condition,
    pull: pull as unknown as DurablePull,
    settlements: async () => settlements,
    isSameDurable: () => true,
    unreadable: { isFound: false, assertReadableLog: async () => undefined },
    refused: () => undefined,
    usable: ({ inFlight }) => void calls.push(`usable with ${inFlight} in flight`),
    ...over,
  };
  const repair = new DurableRepair(options, host);
  return { ...base, repair, condition, calls, ensured, settlements, refreshed };
}

function look(state: Partial<DurableLook> = {}): DurableLook {
  const checkpoint = { created: POSITION.created, delivered: 0, ackFloor: 0, isComplete: true };
  return { pending: 0, inFlight: 0, pulls: 1, needs: 'nothing', corrections: [], drift: [], checkpoint, ...state };
}

/** A promise that the test resolves. */
function later<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

test('the first check suspends the pull, but the durable does not count as missing', async () => {
  const { repair, calls } = await repairing();
  expect([repair.isSuspended, repair.isMissing]).toEqual([false, false]);
  repair.checkFirst();
  expect([repair.isSuspended, repair.isMissing]).toEqual([true, false]);
  await settle();
  expect([repair.isSuspended, calls]).toEqual([false, ['usable with 3 in flight', 'found']]);
});

test('a lost durable counts as missing until it was created again, behind the settled events', async () => {
  const { repair, calls, ensured, settlements } = await repairing();
  settlements.settleUpTo(6);
  repair.lost();
  expect([repair.isSuspended, repair.isMissing]).toEqual([true, true]);
  await settle();
  expect([repair.isSuspended, repair.isMissing]).toEqual([false, false]);
  expect(calls).toEqual(['usable with 3 in flight', 'found']);
  expect(ensured.mock.calls).toEqual([[{ ...DURABLE, yieldsToOtherHosts: true, resumeAfter: 6 }]]);
});

test.each([
  ['a durable that is gone is created after a read of the settlements of other hosts', true, 1],
  ['a durable is checked without that read when only the connection was lost', false, 0],
])('%s', async (_what, rereads, reads) => {
  const { repair, refreshed } = await repairing();
  repair.lost({ rereads });
  await settle();
  expect(refreshed).toHaveBeenCalledTimes(reads);
});

test('the settlements of other hosts are read before the durable is created, also when a reconnect replaces the repair', async () => {
  const { repair, refreshed, ensured } = await repairing();
  const calls: string[] = [];
  refreshed.mockImplementationOnce(() => Promise.reject(new Error('the connection is lost')));
  refreshed.mockImplementation(async () => void calls.push('read'));
  ensured.mockImplementation(async () => {
    calls.push('create');
    return POSITION;
  });
  repair.lost({ rereads: true });
  await settle();
  repair.lost();
  await settle();
  expect(calls).toEqual(['read', 'create']);
});

test('a suspension stops the pull once and checks the durable with the settlements of other hosts', async () => {
  const { repair, calls, ensured, refreshed } = await repairing();
  repair.suspend();
  repair.suspend();
  expect([repair.isMissing, calls]).toEqual([true, ['suspend']]);
  await settle();
  expect(calls).toEqual(['suspend', 'usable with 3 in flight', 'found']);
  expect([ensured.mock.calls.length, refreshed.mock.calls.length]).toEqual([1, 1]);
});

test('a durable that needs a check is suspended', async () => {
  const { repair, calls } = await repairing();
  repair.checked(look({ needs: 'check' }));
  expect([repair.isMissing, calls]).toEqual([true, ['suspend']]);
});

test('a durable that somebody has created again is checked, and the waiting requests are renewed', async () => {
  const { repair, calls, ensured } = await repairing({ isSameDurable: () => false });
  repair.checked(look());
  expect(repair.isSuspended).toBe(false);
  await settle();
  expect([calls, ensured.mock.calls.length]).toEqual([['renew'], 1]);
});

test('a correction that the server does not make is not repeated; another correction is made', async () => {
  const { repair, ensured } = await repairing();
  const correct = async (...corrections: string[]): Promise<void> => {
    repair.checked(look({ needs: 'correction', corrections }));
    await settle();
  };
  ensured.mockResolvedValue({ ...POSITION, limited: ['max_batch: 5 → 0'] });
  for (let i = 0; i < 3; i++) await correct('max_batch: 5 → 0');
  expect(ensured).toHaveBeenCalledTimes(1);
  await correct('max_batch: 5 → 0', 'max_deliver: 3 → -1');
  expect(ensured).toHaveBeenCalledTimes(2);
});

test('the state of a suspended durable is noted, but changes nothing before the check has ended', async () => {
  const { repair, calls, condition, ensured } = await repairing();
  const { promise, resolve } = later<never>();
  ensured.mockReturnValue(promise);
  repair.lost();
  await settle();
  const pausedUntil = new Date('2026-05-12T13:00:00.000Z');
  for (const needs of ['correction', 'check'] as const) {
    repair.checked(look({ needs, pausedUntil, corrections: ['max_batch: 5 → 0'] }));
    await settle();
  }
  expect([condition.pausedUntil, calls, ensured.mock.calls.length]).toEqual([pausedUntil, [], 1]);
  resolve(POSITION as never);
  await settle();
  expect(calls).toEqual(['usable with 3 in flight', 'found']);
});

test.each<[what: string, state: Partial<DurableLook>, expected: string[]]>([
  ['an event that waits for delivery nudges the pull', { pending: 1, inFlight: 9 }, ['nudge']],
  ['a durable with as many in flight as allowed is not nudged', { pending: 1, inFlight: 10 }, []],
  ['a durable without pending events is not nudged', { pending: 0, inFlight: 0 }, []],
  ['a paused durable is not nudged', { pending: 1, pausedUntil: new Date(0) }, []],
])('%s', async (_what, state, expected) => {
  const { repair, calls } = await repairing();
  repair.checked(look(state));
  expect(calls).toEqual(expected);
});

test('the end of a pause renews the requests once', async () => {
  const { repair, calls } = await repairing();
  const paused = [0, 1].map((ms) => look({ pausedUntil: new Date(ms) }));
  for (const state of [...paused, look(), look()]) repair.checked(state);
  expect(calls).toEqual(['renew']);
});

test('a check that fails is repeated each second while the pull continues', async () => {
  const { repair, calls, ensured, time, until } = await repairing({ isSameDurable: () => false });
  ensured.mockRejectedValueOnce(new Error('TIMEOUT')).mockRejectedValueOnce(new Error('TIMEOUT'));
  repair.checked(look());
  await until(() => calls.length > 0);
  expect([calls, repair.isMissing, time.nowMs()]).toEqual([['renew'], false, 2_000]);
});

test('a durable that the host must not use is suspended once and checked every two seconds', async () => {
  const { repair, calls, condition, ensured, time, until } = await repairing({ isSameDurable: () => false });
  ensured.mockRejectedValueOnce(REFUSAL).mockRejectedValueOnce(REFUSAL);
  repair.checked(look());
  await settle();
  expect([repair.isMissing, condition.reason]).toEqual([true, REFUSAL.message]);
  await until(() => !repair.isSuspended);
  expect([calls, time.nowMs()]).toEqual([['suspend', 'usable with 3 in flight', 'found'], 4_000]);
  expect(condition.reason).toBeUndefined();
});

test('a new check replaces the one that is under way, so that the pull is continued once', async () => {
  const { repair, calls, ensured } = await repairing();
  const first = later<never>();
  ensured.mockReturnValueOnce(first.promise);
  repair.lost();
  await settle();
  repair.lost();
  await settle();
  first.resolve({ ...POSITION, inFlight: 8 } as never);
  await settle();
  expect(calls).toEqual(['usable with 3 in flight', 'found']);
});

test('a stop during the read of the settlements leaves the durable alone', async () => {
  const reading = later<never>();
  let isOver!: () => boolean;
  const { repair, calls, ensured, settlements } = await repairing({
    settlements: (given) => {
      isOver = given;
      return reading.promise;
    },
  });
  repair.lost();
  expect(isOver()).toBe(false);
  repair.stop();
  expect(isOver()).toBe(true);
  reading.resolve(settlements as never);
  await settle();
  expect([calls, ensured.mock.calls]).toEqual([[], []]);
});

test('after a stop no check begins and no wait for one is left', async () => {
  const { repair, ensured, time } = await repairing();
  ensured.mockRejectedValue(new Error('TIMEOUT'));
  repair.lost();
  await settle();
  repair.stop();
  repair.lost();
  await settle();
  expect([ensured.mock.calls.length, time.step(Infinity, false)]).toEqual([1, false]);
});
