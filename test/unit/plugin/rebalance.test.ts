import fc from 'fast-check';
import type { ExclusiveHandlers, GroupMember, HostGroup } from '../../../host/broker/host-group';
import { Rebalance, type ExclusiveHandler } from '../../../host/plugin/rebalance';
import { VirtualTime } from '../../../host/testing/virtual-time';

/** A deployment: the hosts, and the host that runs each handler. */
class Deployment {
  readonly time = new VirtualTime(0);
  readonly hosts: ModelHost[] = [];
  /** The host that runs each handler; undefined for a handler that no host runs. */
  readonly owners = new Map<string, ModelHost | undefined>();
  handedOver = 0;
  /** The handlers that a host has handed over and that no other host has taken at once. */
  readonly untaken: string[] = [];
  /** The handlers that no host ran at the end of a second, although a host has them. */
  readonly orphaned: string[] = [];

  constructor(handlers: readonly string[]) {
    for (const handler of handlers) this.owners.set(handler, undefined);
  }

  join(handlers = [...this.owners.keys()]): ModelHost {
    const host = new ModelHost(`host-${this.hosts.length}`, this, handlers);
    this.hosts.push(host);
    this.assign();
    return host;
  }

  get running(): ModelHost[] {
    return this.hosts.filter(({ hasLeft }) => !hasLeft);
  }

  /** Gives each handler that no host runs to the first host that asks for it. */
  assign(): void {
    for (const [handler, owner] of this.owners) {
      if (!owner)
        this.owners.set(
          handler,
          this.running.find((host) => host.asksFor.has(handler)),
        );
    }
  }

  /** Moves the time, and reports handlers without a host as the check of the durables does. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      const untilMs = this.time.nowMs() + 1_000;
      while (this.time.step(untilMs, true)) for (let i = 0; i < 3; i++) await Promise.resolve();
      this.assign();
      const isOrphaned = (name: string): boolean =>
        !this.owners.get(name) && this.running.some(({ has }) => has.includes(name));
      this.orphaned.push(...[...this.owners.keys()].filter(isOrphaned));
    }
  }

  get counts(): number[] {
    return this.running.map((host) => [...this.owners.values()].filter((owner) => owner === host).length);
  }
}

class ModelHost implements HostGroup {
  readonly asksFor: Set<string>;
  hasLeft = false;
  member: GroupMember | undefined;
  private readonly handlers: ExclusiveHandler[] = [];
  private readonly rebalance: Rebalance;

  constructor(
    readonly host: string,
    private readonly deployment: Deployment,
    handlers: readonly string[],
  ) {
    this.asksFor = new Set();
    this.rebalance = new Rebalance(this, deployment.time);
    for (const name of handlers) this.add(name);
  }

  /** Starts another handler on this host. */
  add(name: string): void {
    const handler = this.handler(name);
    this.handlers.push(handler);
    this.asksFor.add(name);
    this.rebalance.add(handler);
  }

  /** The names of the handlers that this host has. */
  get has(): string[] {
    return this.handlers.map(({ name }) => name);
  }

  get others(): ReadonlyMap<string, ExclusiveHandlers> {
    const others = this.member ? this.deployment.running.filter((one) => one !== this && one.member) : [];
    return new Map(others.map(({ host, member }) => [host, member!.handlers]));
  }

  join(member: GroupMember): void {
    if (this.member) return;
    this.member = member;
    this.tellOthers();
  }

  leave(): void {
    this.member = undefined;
    this.tellOthers();
  }

  /** Stops the host. A killed host does not say that it leaves, and the server takes its handlers from it. */
  stop(isKilled: boolean): void {
    this.hasLeft = true;
    if (isKilled) this.member = undefined;
    else for (const handler of this.handlers) this.rebalance.remove(handler);
    const { owners } = this.deployment;
    for (const [name, owner] of owners) if (owner === this) owners.set(name, undefined);
    this.deployment.assign();
  }

  private tellOthers(): void {
    for (const other of this.deployment.running) if (other !== this) other.member?.changed();
  }

  private handler(name: string): ExclusiveHandler {
    const { deployment } = this;
    const { owners } = deployment;
    const isHeld = (): boolean => owners.get(name) === this;
    return {
      name,
      get isHeld() {
        return isHeld();
      },
      get isOrphan() {
        return owners.get(name) === undefined && !deployment.running.some(({ asksFor }) => asksFor.has(name));
      },
      standBy: (mayTake) => {
        if (mayTake) this.asksFor.add(name);
        else this.asksFor.delete(name);
      },
      handOver: () => {
        this.deployment.handedOver++;
        owners.set(name, undefined);
        this.deployment.assign();
        if (!owners.get(name)) this.deployment.untaken.push(name);
        return Promise.resolve();
      },
    };
  }
}

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `handler-${String(i).padStart(3, '0')}`);

test('12 handlers are spread 12, 6 and 6, 4 and 4 and 4 as hosts join, and back as they leave', async () => {
  const deployment = new Deployment(names(12));
  deployment.join();
  await deployment.pass(3);
  expect(deployment.counts).toEqual([12]);
  deployment.join();
  await deployment.pass(4);
  expect(deployment.counts).toEqual([6, 6]);
  const third = deployment.join();
  await deployment.pass(4);
  expect(deployment.counts).toEqual([4, 4, 4]);
  expect(deployment.handedOver).toBe(10);
  third.stop(false);
  await deployment.pass(2);
  expect(deployment.counts).toEqual([6, 6]);
});

test('each handler has a host, and no host has more than one handler beyond another, as hosts join, leave and die', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.record({ change: fc.constantFrom('join', 'leave', 'kill'), at: fc.nat(), seconds: fc.nat(4) }), {
        maxLength: 12,
      }),
      async (handlers, changes) => {
        const deployment = new Deployment(names(handlers));
        deployment.join();
        for (const { change, at, seconds } of changes) {
          const { running } = deployment;
          if (change === 'join') deployment.join();
          else if (running.length > 1) running[at % running.length]!.stop(change === 'kill');
          await deployment.pass(seconds);
        }
        await deployment.pass(30);
        expect([...deployment.owners.values()]).not.toContain(undefined);
        expect(Math.max(...deployment.counts) - Math.min(...deployment.counts)).toBeLessThanOrEqual(1);
        const { handedOver } = deployment;
        await deployment.pass(30);
        expect(deployment.handedOver).toBe(handedOver);
      },
    ),
  );
});

test('another host takes a handler at once when a host hands it over because hosts join or leave', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.record({ isJoin: fc.boolean(), at: fc.nat(), seconds: fc.nat(4) }), { maxLength: 12 }),
      async (handlers, changes) => {
        const deployment = new Deployment(names(handlers));
        deployment.join();
        await deployment.pass(3);
        for (const { isJoin, at, seconds } of changes) {
          const { running } = deployment;
          if (isJoin) deployment.join();
          else if (running.length > 1) running[at % running.length]!.stop(false);
          await deployment.pass(seconds);
        }
        await deployment.pass(10);
        expect(deployment.untaken).toEqual([]);
      },
    ),
  );
});

test('a host takes back a handler that it has just handed over, when the host that took it hands it over', async () => {
  const deployment = new Deployment(names(4));
  const [, second] = [deployment.join(), deployment.join()];
  await deployment.pass(10);
  expect(deployment.counts).toEqual([2, 2]);
  deployment.join();
  await deployment.pass(2);
  expect(deployment.counts).toEqual([2, 1, 1]);
  second.stop(false);
  await deployment.pass(1);
  expect(deployment.counts).toEqual([2, 2]);
  expect(deployment.untaken).toEqual([]);
});

test('a handler that only one host has stays there, although that host has its share', async () => {
  const deployment = new Deployment(names(4));
  deployment.join();
  await deployment.pass(3);
  deployment.join(names(2));
  await deployment.pass(20);
  const { handedOver } = deployment;
  await deployment.pass(20);
  expect([...deployment.owners.values()]).not.toContain(undefined);
  expect(deployment.handedOver).toBe(handedOver);
});

test('a plugin that is added to one host after the other pauses no handler, and is shared out by the hosts that have it', async () => {
  const before = names(6);
  const added = ['added-0', 'added-1', 'added-2'];
  const deployment = new Deployment([...before, ...added]);
  const hosts = Array.from({ length: 3 }, () => deployment.join(before));
  await deployment.pass(10);
  expect(deployment.counts).toEqual([2, 2, 2]);
  const countsOf = (handlers: readonly string[]): number[] =>
    hosts.map((host) => handlers.filter((name) => deployment.owners.get(name) === host).length).sort();
  for (const [i, host] of hosts.entries()) {
    for (const name of added) host.add(name);
    deployment.assign();
    await deployment.pass(20);
    if (i < 2)
      expect(countsOf(added)).toEqual(
        [
          [0, 0, 3],
          [0, 1, 2],
        ][i],
      );
  }
  expect(deployment.counts).toEqual([3, 3, 3]);
  expect(deployment.orphaned).toEqual([]);
});

test('hosts with different handlers: each handler has a host that has it, and no host has more than one beyond another one', async () => {
  const all = names(12);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ has: fc.subarray(all), seconds: fc.nat(4) }), { minLength: 1, maxLength: 4 }),
      async (joins) => {
        const deployment = new Deployment(all);
        for (const { has, seconds } of joins) {
          deployment.join(has);
          await deployment.pass(seconds);
        }
        await deployment.pass(30);
        const bySameHosts = new Map<string, string[]>();
        for (const [name, owner] of deployment.owners) {
          const having = deployment.hosts.filter(({ has }) => has.includes(name));
          expect(having.length === 0 ? [undefined] : having).toContain(owner);
          const key = having.map(({ host }) => host).join();
          bySameHosts.set(key, [...(bySameHosts.get(key) ?? []), name]);
        }
        for (const handlers of bySameHosts.values()) {
          const having = deployment.hosts.filter(({ has }) => has.includes(handlers[0]!));
          const counts = having.map((host) => handlers.filter((name) => deployment.owners.get(name) === host).length);
          expect(Math.max(0, ...counts) - Math.min(Infinity, ...counts)).toBeLessThanOrEqual(1);
        }
        const { handedOver } = deployment;
        await deployment.pass(30);
        expect(deployment.handedOver).toBe(handedOver);
        expect(deployment.orphaned).toEqual([]);
      },
    ),
  );
});

test('a host whose other plugins have not started yet keeps the handler that it has taken over from a dead host', async () => {
  const deployment = new Deployment(names(3));
  const [first] = [deployment.join(), deployment.join(), deployment.join()];
  await deployment.pass(10);
  expect(deployment.counts).toEqual([1, 1, 1]);
  const [handler] = [...deployment.owners].find(([, owner]) => owner === first)!;
  first.stop(true);
  deployment.join([handler]);
  await deployment.pass(1);
  const { handedOver } = deployment;
  for (let second = 0; second < 20; second++) {
    await deployment.pass(1);
    expect(deployment.counts).toEqual([1, 1, 1]);
  }
  expect(deployment.handedOver).toBe(handedOver);
});

test('a handler whose runs take too long for a handover stays for a minute, and another one is handed over in its place', async () => {
  const time = new VirtualTime(0);
  const others = new Map([['host-1', { all: new Set(['a', 'b', 'z']), held: new Set<string>() }]]);
  const rebalance = new Rebalance({ host: 'host-0', others, join: () => undefined, leave: () => undefined }, time);
  const held = new Set(['a', 'b', 'z']);
  const tries: string[] = [];
  const handlerOf = (name: string): ExclusiveHandler => ({
    ...{ name, isOrphan: false, standBy: () => undefined },
    get isHeld() {
      return held.has(name);
    },
    handOver: () => {
      tries.push(`${name} at ${time.nowMs() / 1_000} s`);
      if (name !== 'z') held.delete(name);
      return Promise.resolve();
    },
  });
  for (const name of held) rebalance.add(handlerOf(name));
  const pass = async (untilMs: number): Promise<void> => {
    while (time.step(untilMs, true)) for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  await pass(10_000);
  expect(tries).toEqual(['z at 1 s', 'b at 2 s']);
  expect([...held]).toEqual(['a', 'z']);
});

test('a host asks for an idle handler that no host asks for, although it has its share', async () => {
  const time = new VirtualTime(0);
  const others = new Map([['host-1', { all: new Set(['a', 'idle', 'other']), held: new Set(['other']) }]]);
  const rebalance = new Rebalance({ host: 'host-0', others, join: () => undefined, leave: () => undefined }, time);
  let asks: boolean | undefined;
  rebalance.add({
    name: 'a',
    isHeld: true,
    isOrphan: false,
    standBy: () => undefined,
    handOver: () => Promise.resolve(),
  });
  rebalance.add({
    ...{ name: 'idle', isHeld: false, handOver: () => Promise.resolve() },
    get isOrphan() {
      return asks !== true;
    },
    standBy: (mayTake) => (asks = mayTake),
  });
  const asked: (boolean | undefined)[] = [];
  for (const untilMs of [5_000, 15_000, 60_000]) {
    while (time.step(untilMs, true));
    asked.push(asks);
  }
  expect(asked).toEqual([false, true, true]);
});
