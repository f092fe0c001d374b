import type { Time } from '../../host/base/time';
import { HostPresence } from '../../host/nats/host-presence';
import { Channel, type Link } from './link';
import type { SimLog } from './sim-log';

/** Receives what other hosts say. */
type Listener = (text: string) => void;

type Callback = (error: null, message: { string(): string }) => void;

/** The subject on which hosts say that they run. A message on it may be lost, as in core NATS. */
export class PresenceSubject {
  private readonly listeners = new Map<Link, Listener>();

  /** Makes a host one of the group, over its connection. */
  presenceOf(link: Link, time: Time, log: SimLog): HostPresence {
    const { world } = link;
    const up = new Channel();
    const down = new Channel();
    const nc = {
      isClosed: () => link.isDead,
      subscribe: (_subject: string, { callback }: { callback: Callback }) => {
        const receive: Listener = (text) =>
          link.receive(() => this.listeners.get(link) === receive && callback(null, { string: () => text }), down);
        this.listeners.set(link, receive);
        return { unsubscribe: () => void this.listeners.delete(link) };
      },
      publish: (_subject: string, text: string) => link.send('says that it runs', () => this.tell(text, link), up),
    };
    link.onEnd(() => this.listeners.delete(link));
    return new HostPresence({ nc } as never, 'sim', log, time, `${world.dice.below(1_000)} ${link.name}`);
  }

  private tell(text: string, from: Link): void {
    const { dice, faults } = from.world;
    for (const [link, receive] of this.listeners) if (link !== from && !dice.chance(faults.lostPresence)) receive(text);
  }
}
