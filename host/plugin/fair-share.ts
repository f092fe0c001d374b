import type { ExclusiveHandlers } from '../broker/host-group';

/** Handlers that the same hosts have, so that these hosts share them out among each other. */
export interface HandlerGroup<H> {
  readonly handlers: H[];
  /** How many of the handlers each of the other hosts runs, by host. A host that has no such handler is left out. */
  readonly heldBy: Map<string, number>;
}

/**
 * Groups the handlers of this host by the hosts that have them. Usually all hosts have all handlers, and there is one
 * group. While a deploy adds or removes a plugin, some hosts have handlers that others lack.
 */
export function handlerGroups<H extends { readonly name: string }>(
  handlers: Iterable<H>,
  others: ReadonlyMap<string, ExclusiveHandlers>,
): Iterable<HandlerGroup<H>> {
  const hosts = [...others];
  const groups = new Map<string, HandlerGroup<H>>();
  for (const handler of handlers) {
    const having = hosts.filter(([, { all }]) => all.has(handler.name));
    const key = JSON.stringify(having.map(([host]) => host));
    const group = groups.get(key) ?? { handlers: [], heldBy: new Map(having.map(([host]) => [host, 0])) };
    groups.set(key, group);
    group.handlers.push(handler);
    for (const [host, { held }] of having) {
      if (held.has(handler.name)) group.heldBy.set(host, group.heldBy.get(host)! + 1);
    }
  }
  return groups.values();
}

/**
 * Returns how many of the handlers this host should run: as many as each other host that has them, and one of the rest if
 * it is among the hosts that run most.
 */
export function shareOf({ handlers, heldBy }: HandlerGroup<unknown>, host: string, held: number): number {
  const count = heldBy.size + 1;
  const before = [...heldBy].filter(([other, theirs]) => theirs > held || (theirs === held && other < host)).length;
  const rest = handlers.length % count;
  return Math.floor(handlers.length / count) + (before < rest ? 1 : 0);
}

/**
 * Whether another host runs so few of the handlers that it takes one of this host's. While hosts start or stop, they do
 * not count the same hosts, so that a host's share alone does not say that.
 */
export function mayGive({ heldBy }: HandlerGroup<unknown>, held: number): boolean {
  return Math.min(...heldBy.values()) <= held - 2;
}
