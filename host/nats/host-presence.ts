import { randomUUID } from 'node:crypto';
import type { HostGroup } from '../broker/host-group';
import type { Logger } from '../../sdk';
import { machineTime, type Time, type Timer } from '../base/time';
import type { Subscription } from './client';
import type { Connection } from './connection';

/** The subject on which the hosts of a deployment say that they run. The last token is the deployment. */
export const PRESENCE_SUBJECT = 'jetplug.hosts';

const SAY_MS = 1_000;
/** A host that has said nothing for this long counts as gone. */
const GONE_MS = 3_500;

interface Presence {
  readonly host: string;
  readonly leaves?: true;
}

/** The hosts of a deployment, which say every second on a subject of core NATS that they run. */
export class HostPresence implements HostGroup {
  private readonly host = randomUUID();
  /** The other hosts, with the time at which they have said something. */
  private readonly others = new Map<string, number>();
  private subscription: Pick<Subscription, 'unsubscribe'> | undefined;
  private timer: Timer | undefined;
  private changed = (): void => undefined;
  private readonly subject: string;

  constructor(
    private readonly connection: Pick<Connection, 'nc'>,
    deployment: string,
    private readonly log: Logger,
    private readonly time: Time = machineTime,
  ) {
    this.subject = `${PRESENCE_SUBJECT}.${deployment}`;
  }

  get size(): number {
    const goneBefore = this.time.nowMs() - GONE_MS;
    for (const [host, heardAtMs] of this.others) if (heardAtMs < goneBefore) this.others.delete(host);
    return this.others.size + 1;
  }

  join(changed: () => void): void {
    if (this.timer) return;
    this.changed = changed;
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
    if (!this.timer) return;
    this.say({ leaves: true });
    this.stop();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.subscription?.unsubscribe();
    this.subscription = undefined;
  }

  private say(leaves: Pick<Presence, 'leaves'> = {}): void {
    const { nc } = this.connection;
    if (!nc.isClosed()) nc.publish(this.subject, JSON.stringify({ host: this.host, ...leaves } satisfies Presence));
  }

  private hear(text: string): void {
    const { host, leaves } = this.read(text);
    if (host === undefined || host === this.host) return;
    const isChange = leaves ? this.others.delete(host) : !this.others.has(host);
    if (!leaves) this.others.set(host, this.time.nowMs());
    if (isChange) this.changed();
  }

  private read(text: string): Partial<Presence> {
    try {
      return (JSON.parse(text) as Partial<Presence> | null) ?? {};
    } catch (error) {
      this.log.debug('a message about a running host cannot be read', { err: error });
      return {};
    }
  }
}
