import type { Dice } from './dice';
import { drawFaults, type Faults } from './faults';
import { KEYED, KINDS, type Tick } from './plugins';

/** An event that is published, and when. */
export interface Planned extends Pick<Tick, 'n' | 'key' | 'kind' | 'waitMs'> {
  readonly atMs: number;
  /** For how long after its time a hiccup fails and a late event is postponed. */
  readonly forMs: number;
}

/** Something that happens to one host, or to the broker. */
export type Incident =
  | {
      readonly atMs: number;
      readonly what: 'die';
      readonly host: number;
      readonly afterMessages: number;
      readonly downMs: number;
    }
  | { readonly atMs: number; readonly what: 'stop'; readonly host: number; readonly downMs: number }
  | { readonly atMs: number; readonly what: 'freeze'; readonly host: number; readonly forMs: number }
  | { readonly atMs: number; readonly what: 'disconnect'; readonly host: number; readonly forMs: number }
  | { readonly atMs: number; readonly what: 'outage'; readonly forMs: number };

/** The hosts, events, incidents and faults that a seed chooses. */
export interface Schedule {
  readonly hosts: number;
  readonly plugins: readonly string[];
  readonly events: readonly Planned[];
  readonly incidents: readonly Incident[];
  readonly faults: Faults;
  /** Whether the durables of handlers with a key are pinned. With one host they may be as in the testing kit. */
  readonly isPinned: boolean;
  /** For how long commits stay in the logs. */
  readonly historyMs: number;
}

/** From this time on there are no faults. */
export const CALM_MS = 10_000;
const MAX_HOSTS = 3;
const KEYED_SHARE = 0.3;
const MAX_EVENTS = 20;
const MAX_INCIDENTS = 6;
/** Fewer than the events that open a circuit: if only such events are left, nothing could show that the handler works. */
const MAX_DOOMED = 3;

export function drawSchedule(dice: Dice, plugins: readonly string[], needed: readonly string[]): Schedule {
  const hosts = 1 + Math.min(dice.below(MAX_HOSTS + 1), MAX_HOSTS - 1);
  const chosen = new Set([...needed, ...dice.some(plugins, 1 + dice.below(3))]);
  if (chosen.has('sums')) chosen.add('relay');
  // Several handlers with a key, so that the hosts share them out.
  if (dice.chance(KEYED_SHARE)) for (const name of KEYED) chosen.add(name);
  return {
    hosts,
    plugins: plugins.filter((name) => chosen.has(name)),
    events: drawEvents(dice),
    incidents: Array.from({ length: dice.below(MAX_INCIDENTS + 1) }, () => drawIncident(dice, hosts)),
    faults: drawFaults(dice),
    isPinned: hosts > 1 || dice.chance(0.5),
    historyMs: dice.chance(0.5) ? 0 : 3_600_000,
  };
}

function drawEvents(dice: Dice): Planned[] {
  const count = 1 + dice.below(MAX_EVENTS);
  const keys = 1 + dice.below(4);
  const overMs = dice.between(50, 7_000);
  const longestMs = dice.pick([0, 5, 50, 500]);
  let doomed = 0;
  return Array.from({ length: count }, (_, n) => {
    let kind = dice.chance(0.25) ? dice.pick(KINDS) : 'plain';
    if (kind === 'poison' || kind === 'stuck') kind = ++doomed > MAX_DOOMED ? 'plain' : kind;
    return {
      n,
      kind,
      key: `k${dice.below(keys)}`,
      atMs: dice.between(0, overMs),
      waitMs: dice.between(0, longestMs),
      forMs: dice.between(100, 5_000),
    };
  });
}

function drawIncident(dice: Dice, hosts: number): Incident {
  const atMs = dice.between(0, CALM_MS - 1_000);
  const host = dice.below(hosts);
  const forMs = dice.between(100, dice.pick([500, 6_000, 12_000]));
  const downMs = dice.between(100, 6_000);
  switch (dice.below(6)) {
    case 0:
    case 1:
      return { atMs, what: 'die', host, afterMessages: dice.below(100), downMs };
    case 2:
      return { atMs, what: 'stop', host, downMs };
    case 3:
      return { atMs, what: 'freeze', host, forMs };
    case 4:
      return { atMs, what: 'disconnect', host, forMs };
    default:
      return { atMs, what: 'outage', forMs };
  }
}
