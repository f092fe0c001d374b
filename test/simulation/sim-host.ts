import { Limiter } from '../../host/base/limiter';
import type { CompiledPlugin } from '../../host/load/compile';
import { Sweep } from '../../host/message/intake/sweep';
import { CommitLogs } from '../../host/plugin/commit-logs';
import { NameRegistry } from '../../host/plugin/name-registry';
import type { PluginHost } from '../../host/plugin/plugin-host';
import { Rebalance } from '../../host/plugin/rebalance';
import { runPlugin } from '../../host/plugin/run-plugin';
import type { RunningPlugin } from '../../host/plugin/running-plugin';
import { pause } from '../../host/base/retry-until';
import type { PresenceSubject } from './group';
import { Link } from './link';
import { SimClock } from './plugins';
import { remoteServices } from './remote';
import { SimLog } from './sim-log';
import type { World } from './world';

const START_AGAIN_MS = 500;
/** A host that has not stopped after this time is killed. */
const STOP_LIMIT_MS = 20_000;

/** A host of a schedule. It can die, freeze, lose its connection and stop; another start follows. */
export class SimHost {
  private starts = 0;
  private link!: Link;
  private running: RunningPlugin[] = [];
  private commits!: CommitLogs;
  private isStopping = false;
  /** After this time a dead or stopped host starts again. */
  private downMs = 0;

  constructor(
    private readonly world: World,
    private readonly name: string,
    private readonly plugins: readonly CompiledPlugin[],
    private readonly presence: PresenceSubject,
  ) {}

  /** Kills the host no more. */
  calm(): void {
    this.link.dieAtMessage = Infinity;
  }

  start(): void {
    const { world } = this;
    const name = `${this.name}.${++this.starts}`;
    world.trace.add(name, 'starts');
    this.link = new Link(world, name, () => {
      world.trace.add(name, 'is dead');
      world.agenda.after(this.downMs, () => this.start());
    });
    this.running = [];
    this.isStopping = false;
    const host = this.services(this.link);
    this.commits = host.commits;
    for (const plugin of this.plugins) void this.startPlugin(plugin, host);
  }

  /** Kills the host: now, or instead of one of its next messages. */
  die(afterMessages: number, downMs: number): void {
    this.downMs = downMs;
    if (afterMessages === 0) this.link.die();
    else this.link.dieAtMessage = this.link.messages + afterMessages;
  }

  freeze(forMs: number): void {
    this.world.trace.add(this.link.name, `freezes for ${Math.round(forMs)} ms`);
    this.link.freeze(forMs);
  }

  disconnect(forMs: number): void {
    this.world.trace.add(this.link.name, `loses its connection for ${Math.round(forMs)} ms`);
    this.link.disconnect(forMs);
  }

  /** Stops the host as SIGTERM does. */
  stop(downMs: number): void {
    if (this.isStopping || this.link.isDead) return;
    this.isStopping = true;
    this.downMs = downMs;
    const { link, world } = this;
    world.trace.add(link.name, 'stops');
    world.agenda.after(STOP_LIMIT_MS, () => link.die());
    void Promise.all(this.running.map((plugin) => plugin.stop()))
      .then(() => this.commits.closed())
      .then(() => {
        world.trace.add(link.name, 'has stopped');
        link.die();
      });
  }

  private async startPlugin(plugin: CompiledPlugin, host: PluginHost): Promise<void> {
    const { link } = this;
    while (!this.isStopping && !link.isDead) {
      try {
        this.running.push(await runPlugin(plugin, host));
        return;
      } catch (error) {
        host.log.warn(`${plugin.file} did not start`, { err: error });
        await pause(START_AGAIN_MS, link.time);
      }
    }
  }

  private services(link: Link): PluginHost {
    const { world } = this;
    const { config, dice, mistakes } = world;
    const { time, name } = link;
    const log = new SimLog(world, name);
    const presence = this.presence.presenceOf(link, time, log);
    const remote = remoteServices(link, presence);
    const names = new NameRegistry();
    return {
      ...remote,
      config,
      log,
      time,
      startTime: time,
      clock: new HostClock(link),
      random: dice.fraction,
      streams: config.streams.map(({ name, subjects, duplicateWindowMs }) => ({
        ...{ name, subjects, duplicateWindowMs },
        change: 'unchanged',
        messages: 0,
      })),
      commits: mistakes.commits(
        new CommitLogs({ host: name, broker: remote.broker, time, log, historyMs: config.store.historyMs }),
      ),
      rebalance: new Rebalance(presence, time),
      sweep: new Sweep(time),
      suspects: new Limiter(1),
      claim: (plugin) => names.take(plugin),
    };
  }
}

class HostClock extends SimClock {
  constructor(private readonly link: Link) {
    super();
  }

  now(): Date {
    return new Date(this.link.time.epochMs());
  }
  sleep(ms: number): Promise<void> {
    return pause(ms, this.link.time);
  }
  worked(n: number): void {
    if (!this.link.isDead) this.link.world.worked.add(n);
  }
}
