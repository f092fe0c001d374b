import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ExclusiveHandlers, GroupMember, HostGroup } from '../broker/host-group';
import type { Logger } from '../../sdk';
import { assertReadable, isOfLaterFormat } from '../records/record-format';
import { machineTime, type Time, type Timer } from '../base/time';
import type { Subscription } from './client';
import type { Connection } from './connection';

/** Returns the subject on which the hosts of a deployment say that they run. */
export function presenceSubject(deployment: string): string {
  return `jetplug.hosts.${deployment}`;
}

const FORMAT = 1;
const SAY_MS = 1_000;
/** A host that has said nothing for this long counts as gone. */
const GONE_MS = 3_500;

interface Presence {
  readonly format?: number;
  readonly host: string;
  /** The names of the handlers that the host has of which each runs on one host at a time. */
  readonly handlers: readonly string[];
  /** The names of those that it runs. */
  readonly held: readonly string[];
  readonly leaves?: true;
}

/** The hosts of a deployment. Each says every second on a subject of core NATS that it runs. */
export class HostPresence implements HostGroup {
  private readonly heard = new Map<string, ExclusiveHandlers & { readonly atMs: number }>();
  private subscription: Pick<Subscription, 'unsubscribe'> | undefined;
  private readonly warnings = new Set<string>();
  private timer: Timer | undefined;
  private member: GroupMember | undefined;
  private readonly subject: string;

  constructor(
    private readonly connection: Pick<Connection, 'nc'>,
    deployment: string,
    private readonly log: Logger,
    private readonly time: Time = machineTime,
    readonly host: string = randomUUID(),
  ) {
    this.subject = presenceSubject(deployment);
  }

  get others(): ReadonlyMap<string, ExclusiveHandlers> {
    const goneBefore = this.time.nowMs() - GONE_MS;
    for (const [host, { atMs }] of this.heard) if (atMs < goneBefore) this.heard.delete(host);
    return this.heard;
  }

  join(member: GroupMember): void {
    if (this.member) return;
    this.member = member;
    this.subscription = this.connection.nc.subscribe(this.subject, {
      callback: (error, message) => {
        // The connection reports a missing permission.
        if (!error) this.hear(message.string());
      },
    });
    this.timer = this.time.every(SAY_MS, () => this.say());
    this.say();
  }

  leave(): void {
    if (!this.member) return;
    this.say({ leaves: true });
    this.stop();
  }

  stop(): void {
    this.timer?.cancel();
    this.member = undefined;
    this.subscription?.unsubscribe();
    this.subscription = undefined;
  }

  private say(leaves: Pick<Presence, 'leaves'> = {}): void {
    const { nc } = this.connection;
    const { all, held } = this.member!.handlers;
    const presence: Presence = { format: FORMAT, host: this.host, handlers: [...all], held: [...held], ...leaves };
    try {
      if (!nc.isClosed()) nc.publish(this.subject, JSON.stringify(presence));
    } catch (error) {
      // The names are larger than a message can be.
      this.warnOnce('other hosts do not count this host when handlers are spread over hosts', error);
    }
  }

  private hear(text: string): void {
    const { host, handlers, held, leaves } = this.read(text);
    if (typeof host !== 'string' || host === this.host) return;
    const before = this.heard.get(host);
    const all = namesIn(handlers);
    const isChange = leaves ? this.heard.delete(host) : !before || !isDeepStrictEqual(before.all, all);
    if (!leaves) this.heard.set(host, { all, held: namesIn(held), atMs: this.time.nowMs() });
    if (isChange) this.member?.changed();
  }

  /** Reads a message. One of a later version of Jetplug is left out, so that host counts as none. */
  private read(text: string): Partial<Presence> {
    try {
      const presence = (JSON.parse(text) as Partial<Presence> | null) ?? {};
      assertReadable(`a message on ${this.subject}`, presence.format, FORMAT);
      return presence;
    } catch (error) {
      if (isOfLaterFormat(error)) return this.leaveOut(error);
      this.log.debug('a message about a running host cannot be read', { err: error });
      return {};
    }
  }

  private leaveOut(error: unknown): Partial<Presence> {
    this.warnOnce('a host of a later version is not counted when handlers are spread over hosts', error);
    return {};
  }

  private warnOnce(message: string, error: unknown): void {
    if (!this.warnings.has(message)) this.log.warn(message, { err: error });
    this.warnings.add(message);
  }
}

/** Any client may write on the subject, so the value may be anything. */
function namesIn(value: unknown): ReadonlySet<string> {
  return new Set(Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []);
}
