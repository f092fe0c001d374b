import { JetplugError, type ErrorCode } from '../../sdk/internal';
import type { Time, Timer } from '../../host/base/time';
import { QUICKEST_MS } from './faults';
import type { World } from './world';

/** After this time a request that has no answer fails. */
const REQUEST_TIMEOUT_MS = 2_000;

/** The connection of one host to the broker, and all that reaches the host: answers, deliveries and timers. */
export class Link {
  isDead = false;
  isConnected = true;
  /** How many times the connection was lost. Messages that were on their way then never arrive. */
  private losses = 0;
  private frozenUntilMs = 0;
  private isFrozen = false;
  /** Answers, deliveries and timers that have reached the host while it was frozen. */
  private readonly waiting: (() => void)[] = [];
  /** How many messages the host has sent. */
  messages = 0;
  /** The host dies instead of its n-th message to the broker. */
  dieAtMessage = Infinity;
  private readonly ended: (() => void)[] = [];
  private readonly returned: (() => void)[] = [];
  private readonly lost: (() => void)[] = [];

  constructor(
    readonly world: World,
    readonly name: string,
    private readonly died: () => void,
  ) {}

  /** The host's clock and timers. */
  get time(): Time {
    const { agenda } = this.world;
    const after = (delayMs: number, act: () => void): Timer => {
      let isCancelled = false;
      const item = agenda.after(delayMs, () => this.toHost(() => !isCancelled && act()));
      return {
        cancel: () => {
          isCancelled = true;
          item.isCancelled = true;
        },
      };
    };
    const every = (periodMs: number, act: () => void): Timer => {
      let timer: Timer;
      const again = (): void => {
        timer = after(periodMs, again);
        act();
      };
      timer = after(periodMs, again);
      return { cancel: () => timer.cancel() };
    };
    return {
      epochMs: () => this.world.epochMs(),
      nowMs: () => agenda.nowMs,
      after,
      every,
      soon: (act) => void after(0, act),
    };
  }

  /** Runs something in the host, unless the host is dead. A frozen host gets it when it wakes. */
  toHost(act: () => void): void {
    if (this.isDead) return;
    if (this.isFrozen) this.waiting.push(act);
    else act();
  }

  freeze(forMs: number): void {
    const { agenda } = this.world;
    this.isFrozen = true;
    this.frozenUntilMs = agenda.nowMs + forMs;
    agenda.at(this.frozenUntilMs, () => this.wake());
  }

  /** Ends the host: nothing reaches it any more, and nothing that it sends leaves it. */
  die(): void {
    if (this.isDead) return;
    this.isDead = true;
    for (const end of this.ended) end();
    this.died();
  }

  /** Calls back when the host has died. */
  onEnd(end: () => void): void {
    this.ended.push(end);
  }

  /** Calls back in the host when the connection is back, and at the broker when it is lost. */
  onReturn(returned: () => void, lost: () => void): void {
    this.returned.push(returned);
    this.lost.push(lost);
  }

  /** Loses the connection for a time. */
  disconnect(forMs: number): void {
    if (this.isDead || !this.isConnected) return;
    this.isConnected = false;
    this.losses++;
    for (const lost of this.lost) lost();
    this.world.agenda.after(forMs, () => {
      this.isConnected = true;
      this.world.trace.add(this.name, 'is connected again');
      this.toHost(() => this.returned.forEach((returned) => returned()));
    });
  }

  /** Brings a message of the host to the broker, which nobody answers. It may be lost. */
  send(what: string, act: () => void, channel = new Channel()): void {
    if (!this.leaves()) return;
    const { world } = this;
    if (!this.isConnected || world.dice.chance(world.faults.lostMessages)) {
      return world.trace.add(this.name, `${what}: lost`);
    }
    const { losses } = this;
    channel.pass(world, world.delayMs(), () => {
      if (losses === this.losses) act();
    });
  }

  /** Ends a subscription. The server that the host is connected to knows it before all that the host sends later. */
  unsubscribe(end: () => void): void {
    const { world, losses } = this;
    world.agenda.after(QUICKEST_MS, () => losses === this.losses && end());
  }

  /** Brings something from the broker to the host. */
  receive(act: () => void, channel = new Channel()): void {
    const { world, losses } = this;
    if (this.isDead || !this.isConnected) return;
    channel.pass(world, world.delayMs(), () => {
      if (losses === this.losses) this.toHost(act);
    });
  }

  /**
   * Makes a request to the broker. The request may be lost, its answer may be lost, or the broker may carry it out after
   * the host has given up.
   */
  request<T>(what: string, code: ErrorCode, act: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.leaves()) return;
      const { world } = this;
      const { dice, faults, trace, agenda } = world;
      let isOver = false;
      const end = (settle: () => void): void => {
        this.toHost(() => {
          if (isOver) return;
          isOver = true;
          timeout.isCancelled = true;
          settle();
        });
      };
      const timeout = agenda.after(REQUEST_TIMEOUT_MS, () => {
        end(() => {
          trace.add(this.name, `${what}: no answer`);
          reject(new JetplugError(code, `${what}: the broker did not answer`));
        });
      });
      const { losses } = this;
      if (!this.isConnected || dice.chance(faults.lostRequests)) return trace.add(this.name, `${what}: request lost`);
      const isLate = dice.chance(faults.lateRequests);
      const isUnanswered = dice.chance(faults.lostAnswers);
      const delayMs = world.delayMs() + (isLate ? dice.between(REQUEST_TIMEOUT_MS, 2 * REQUEST_TIMEOUT_MS) : 0);
      agenda.after(delayMs, () => {
        // A late request has left the connection: it is on its way within the cluster.
        if (losses !== this.losses && !isLate) return trace.add(this.name, `${what}: request lost`);
        const answer = (settle: () => void): void => {
          if (losses !== this.losses || isUnanswered) return trace.add(this.name, `${what}: answer lost`);
          agenda.after(world.delayMs(), () => losses === this.losses && end(settle));
        };
        act().then(
          (result) => {
            trace.add(this.name, isLate ? `${what}: done late` : what);
            answer(() => resolve(result));
          },
          (error: unknown) => {
            trace.add(this.name, `${what}: ${error instanceof Error ? error.name : String(error)}`);
            answer(() => reject(error instanceof Error ? error : new Error(String(error))));
          },
        );
      });
    });
  }

  /** Runs what has reached the host in a moment of its own each, so that the host's microtasks run in between. */
  private wake(): void {
    const { agenda } = this.world;
    // It was frozen once more.
    if (agenda.nowMs < this.frozenUntilMs || this.isDead) return;
    const act = this.waiting.shift();
    if (!act) return void (this.isFrozen = false);
    agenda.at(agenda.nowMs, () => this.wake());
    act();
  }

  /** Counts a message that leaves the host. Returns false if the host is dead, or dies instead of sending it. */
  private leaves(): boolean {
    if (this.isDead) return false;
    if (++this.messages < this.dieAtMessage) return true;
    this.world.trace.add(this.name, 'dies before it sends a message');
    this.die();
    return false;
  }
}

/** Keeps the order of what passes it, as a connection does. */
export class Channel {
  private lastMs = 0;
  private delayedUntilMs = 0;

  pass(world: World, delayMs: number, act: () => void): void {
    const { agenda } = world;
    this.lastMs = Math.max(this.lastMs, agenda.nowMs + delayMs);
    agenda.at(this.lastMs, () => {
      if (agenda.nowMs < this.delayedUntilMs) agenda.at(this.delayedUntilMs, act);
      else act();
    });
  }

  /** Delays what is on its way until a time. */
  delay(untilMs: number): void {
    this.delayedUntilMs = untilMs;
  }
}
