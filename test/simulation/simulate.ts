import type { Config } from '../../host/config/config';
import { asCompiled, configOf } from '../../host/testing/options';
import { RETRY_STREAM } from '../../host/broker/stream-state';
import { check } from './check';
import { Dice } from './dice';
import { PresenceSubject } from './group';
import { MISTAKES, NO_MISTAKES, type Mistakes } from './mistakes';
import { PLUGINS } from './plugins';
import type { Violation } from './promises';
import { Publisher } from './publisher';
import { CALM_MS, drawSchedule, type Incident, type Schedule } from './schedule';
import { SimHost } from './sim-host';
import { World } from './world';

export interface Options {
  /** A name of {@link MISTAKES}. Default: the host as it is. */
  readonly mistake?: string | undefined;
}

/** The result of one seed. */
export interface Result {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly schedule: Schedule;
  readonly trace: readonly string[];
  /** The same for each run of the seed. */
  readonly hash: string;
  readonly steps: number;
  readonly virtualMs: number;
}

const STREAM = 'EVENTS';
const CHECK_EVERY_MS = 500;
const STEPS_PER_TURN = 50;
/** The values in the buckets follow the commits within this time. */
const FILL_MS = 4_000;
/** After this time without faults, every event must be settled. */
const SETTLE_LIMIT_MS = 300_000;

/** Runs the schedule of a seed to its end, and checks what the host promises. */
export async function simulate(seed: number, { mistake }: Options = {}): Promise<Result> {
  const dice = new Dice(seed);
  const given = mistake === undefined ? undefined : MISTAKES[mistake];
  const mistakes = { ...NO_MISTAKES, ...given?.wrap };
  const schedule = drawSchedule(dice, Object.keys(PLUGINS), given ? [dice.pick(given.plugins)] : []);
  const world = new World(configFor(schedule), dice, schedule.faults, mistakes, schedule.isPinned);
  const rejected = (error: unknown): void => world.violate('no-fault', `unhandled rejection: ${String(error)}`);
  process.on('unhandledRejection', rejected);
  try {
    await play(world, schedule, mistakes);
  } finally {
    process.off('unhandledRejection', rejected);
  }
  const { violations, trace, agenda } = world;
  return {
    seed,
    violations,
    schedule,
    trace: trace.all,
    hash: trace.hash,
    steps: agenda.steps,
    virtualMs: agenda.nowMs,
  };
}

async function play(world: World, schedule: Schedule, mistakes: Mistakes): Promise<void> {
  const { agenda } = world;
  const plugins = schedule.plugins.map((name) => asCompiled(mistakes.plugin(PLUGINS[name]!)));
  const presence = new PresenceSubject();
  const hosts = Array.from({ length: schedule.hosts }, (_, i) => new SimHost(world, `host${i + 1}`, plugins, presence));
  const publisher = new Publisher(world, schedule.events);
  for (const host of hosts) host.start();
  publisher.start();
  for (const incident of schedule.incidents) agenda.after(incident.atMs, () => happen(incident, hosts, publisher));
  await until(world, CALM_MS);
  world.calm();
  for (const host of hosts) host.calm();
  publisher.closing();
  while (!publisher.isDone || (await unsettled(world, schedule.plugins)).length > 0) {
    if (agenda.nowMs > CALM_MS + SETTLE_LIMIT_MS) {
      return world.violate('all-settled', (await unsettled(world, schedule.plugins)).join('; '));
    }
    await until(world, agenda.nowMs + CHECK_EVERY_MS);
  }
  await until(world, agenda.nowMs + FILL_MS);
  check(world, schedule, publisher.confirmed);
}

/** Runs everything up to a time. After each item the microtasks of the hosts run to their end. */
function until(world: World, atMs: number): Promise<void> {
  const { agenda } = world;
  let isOver = false;
  agenda.after(atMs - agenda.nowMs, () => (isOver = true));
  return new Promise((resolve, reject) => {
    let left = 0;
    const step = (): void => {
      try {
        if (!isOver) agenda.step();
      } catch (error) {
        isOver = true;
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      if (--left > 0) return;
      if (isOver) resolve();
      else plan();
    };
    // Node.js runs the microtasks between two callbacks. Several callbacks of one turn save looks for input and output.
    const plan = (): void => {
      left = STEPS_PER_TURN;
      for (let i = 0; i < STEPS_PER_TURN; i++) setImmediate(step);
    };
    plan();
  });
}

function happen(incident: Incident, hosts: readonly SimHost[], publisher: Publisher): void {
  if (incident.what === 'outage') {
    for (const host of hosts) host.disconnect(incident.forMs);
    publisher.link.disconnect(incident.forMs);
    return;
  }
  const host = hosts[incident.host]!;
  switch (incident.what) {
    case 'die':
      return host.die(incident.afterMessages, incident.downMs);
    case 'stop':
      return host.stop(incident.downMs);
    case 'freeze':
      return host.freeze(incident.forMs);
    case 'disconnect':
      return host.disconnect(incident.forMs);
  }
}

/** Returns the durables that have events left, as text. */
async function unsettled({ broker }: World, plugins: readonly string[]): Promise<string[]> {
  const left: string[] = [];
  for (const plugin of plugins) {
    for (const [stream, durable] of [
      [STREAM, `${plugin}-take`],
      [RETRY_STREAM, `${plugin}--take`],
    ] as const) {
      const position = await broker.durablePosition(stream, durable);
      // A handler has a durable on its own stream from its first start on, and on the other once it has deferred events.
      const isMissing = stream === STREAM || (await broker.hasDeferred({ subject: `retry.${plugin}.take.>` }));
      const { pending, inFlight } = position ?? { pending: isMissing ? 1 : 0, inFlight: 0 };
      if (pending + inFlight > 0) left.push(`${durable}: ${pending} pending, ${inFlight} in flight`);
    }
  }
  return left;
}

let defaults: Config | undefined;

function configFor({ historyMs }: Schedule): Config {
  defaults ??= configOf({
    config: {
      streams: [{ name: STREAM, subjects: ['sim.>'] }],
      delivery: { ackWait: '5s' },
      shutdown: { grace: '2s' },
    },
  });
  return { ...defaults, store: { ...defaults.store, historyMs } };
}
