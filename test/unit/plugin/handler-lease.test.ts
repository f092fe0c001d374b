import fc from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import { HandlerLease } from '../../../host/plugin/handler-lease';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { RecordingLog } from '../../../host/testing/recording-log';
import { MemoryKeyValue } from '../../support/memory-key-value';

const log = new RecordingLog();

/** A host whose clock the test may stop. */
class LeaseHost {
  readonly time = new VirtualTime(0);
  readonly journal: string[] = [];
  readonly lease: HandlerLease;
  isCutOff = false;
  isDrained = true;
  private untilMs = -Infinity;

  constructor(records: MemoryKeyValue) {
    const refuse = (): void => {
      if (this.isCutOff) throw new Error('no server');
    };
    const reached: Pick<MemoryKeyValue, 'get' | 'put' | 'delete'> = {
      get: async (key) => (refuse(), records.get(key)),
      put: async (key, value, expected) => (refuse(), records.put(key, value, expected)),
      delete: async (key, expected) => (refuse(), records.delete(key, expected)),
    };
    this.lease = new HandlerLease(
      { durable: 'mail-send', records: reached, time: this.time, log },
      {
        granted: (untilMs, isTakeover) => {
          if (!this.mayBegin) this.journal.push(isTakeover ? 'takes over' : 'granted');
          this.untilMs = untilMs;
        },
        lost: () => this.leave('lost'),
        handOver: async () => {
          this.leave('hands over');
          return this.isDrained;
        },
      },
    );
  }

  get mayBegin(): boolean {
    return this.time.nowMs() < this.untilMs;
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.time.nowMs() + ms;
    while (this.time.step(untilMs, true)) await turn();
    await turn();
  }

  private leave(how: string): void {
    this.journal.push(how);
    this.untilMs = -Infinity;
  }
}

async function hostsOf(count: number): Promise<LeaseHost[]> {
  const records = new MemoryKeyValue();
  const hosts = Array.from({ length: count }, () => new LeaseHost(records));
  for (const { lease } of hosts) {
    lease.start();
    await turn();
  }
  return hosts;
}

async function passAll(hosts: readonly LeaseHost[], ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) for (const host of hosts) await host.pass(500);
}

test('the first host gets the lease without a wait, and keeps it while it renews it', async () => {
  const hosts = await hostsOf(2);
  await passAll(hosts, 30_000);
  expect(hosts.map(({ journal }) => journal)).toEqual([['granted'], []]);
  expect(hosts.map(({ lease }) => lease.isHeld)).toEqual([true, false]);
});

test('another host takes the lease within 2 s after it was given up', async () => {
  const hosts = await hostsOf(2);
  await hosts[0]!.lease.stop();
  await passAll(hosts, 2_000);
  expect(hosts[1]!.journal).toEqual(['takes over']);
});

test('a host that cannot renew the lease stops before another one begins, and learns that it has lost it', async () => {
  const hosts = await hostsOf(2);
  const [first, second] = hosts as [LeaseHost, LeaseHost];
  await passAll(hosts, 3_000);
  first.isCutOff = true;
  await passAll(hosts, 4_500);
  expect([first.mayBegin, second.mayBegin]).toEqual([false, false]);
  await passAll(hosts, 4_000);
  expect([first.mayBegin, second.mayBegin]).toEqual([false, true]);
  first.isCutOff = false;
  await passAll(hosts, 1_000);
  expect([first.journal, second.journal]).toEqual([['granted', 'lost'], ['takes over']]);
});

test('a host that could not renew the lease for some seconds continues if no other host has taken it', async () => {
  const [only] = (await hostsOf(1)) as [LeaseHost];
  only.isCutOff = true;
  await only.pass(60_000);
  expect(only.mayBegin).toBe(false);
  only.isCutOff = false;
  await only.pass(1_000);
  expect([only.mayBegin, only.journal]).toEqual([true, ['granted', 'granted']]);
});

test('a host hands the lease over when its runs have ended, and keeps it otherwise', async () => {
  const hosts = await hostsOf(2);
  const [first, second] = hosts as [LeaseHost, LeaseHost];
  first.isDrained = false;
  await first.lease.handOver();
  await passAll(hosts, 2_000);
  expect([first.mayBegin, second.mayBegin]).toEqual([true, false]);
  first.isDrained = true;
  first.lease.standBy(false);
  await first.lease.handOver();
  await passAll(hosts, 2_000);
  expect([first.mayBegin, second.mayBegin]).toEqual([false, true]);
});

test('a lease that nobody takes is an orphan, so that a host may take it beyond its share', async () => {
  const hosts = await hostsOf(2);
  for (const { lease } of hosts) lease.standBy(false);
  await passAll(hosts, 3_000);
  expect(hosts[1]!.lease.isOrphan).toBe(false);
  await hosts[0]!.lease.stop();
  await passAll(hosts, 2_000);
  expect(hosts[1]!.lease).toMatchObject({ isOrphan: true, isHeld: false });
});

test('at most one host may begin at any time, however hosts are cut off, frozen and handed over', async () => {
  const act = fc.record({ host: fc.nat({ max: 2 }), what: fc.constantFrom('cut', 'join', 'freeze', 'hand', 'wake') });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
      const hosts = await hostsOf(3);
      const frozen = new Set<LeaseHost>();
      let nowMs = 0;
      for (const { host, what } of acts) {
        const one = hosts[host]!;
        if (what === 'cut') one.isCutOff = true;
        else if (what === 'join') one.isCutOff = false;
        else if (what === 'freeze') frozen.add(one);
        else if (what === 'hand' && !frozen.has(one)) await one.lease.handOver();
        for (let step = 0; step < 6; step++) {
          for (const each of hosts) if (!frozen.has(each)) await each.pass(500);
          expect(hosts.filter((each) => !frozen.has(each) && each.mayBegin).length).toBeLessThanOrEqual(1);
        }
        nowMs += 3_000;
        if (what !== 'wake') continue;
        // The clocks of frozen hosts have gone on, and none of their timers has fired meanwhile.
        for (const each of frozen) each.time.step(nowMs, false);
        frozen.clear();
        expect(hosts.filter(({ mayBegin }) => mayBegin).length).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 60 },
  );
});
