import { KvAttemptLog } from '../message/attempts';
import { HandlerCounters } from '../message/counters';
import type { Handler } from '../message/handler';
import { Intake } from '../message/intake';
import type { DurableSpec } from '../nats/consumers';
import type { Settlements } from '../effects/settlements';
import { Pull } from '../nats/pull';
import type { ContainedPlugin } from './contain';
import type { HandlerDefinition, PluginDefinition } from './describe';
import type { PluginHost } from './plugin-host';
import { ensureDurableAt, type Reconciled } from './reconcile';

/** How many deliveries wait in the host for each that runs, so that the next is at hand. */
const PREFETCH_PER_RUN = 4;
const REMAKE_DELAY_MS = 1_000;

/** A handler that pulls from its durable. */
export interface ConsumingHandler {
  readonly definition: HandlerDefinition;
  readonly durable: DurableSpec;
  readonly counters: HandlerCounters;
  readonly state: 'running' | 'waiting';
  /** Pulls no more, gives back what has not begun and waits for what has. */
  stop(graceMs: number): Promise<void>;
}

/** Starts pulling for each handler of a plugin. */
export function consume(
  plugin: PluginDefinition,
  contained: ContainedPlugin,
  reconciled: readonly Reconciled[],
  host: PluginHost,
): ConsumingHandler[] {
  return plugin.handlers.map((definition, i) => new Consumption(plugin, definition, contained, reconciled[i]!, host));
}

class Consumption implements ConsumingHandler {
  readonly counters = new HandlerCounters();
  readonly durable: DurableSpec;
  state: ConsumingHandler['state'] = 'running';
  private readonly settlements: Settlements;
  private readonly intake: Intake;
  private readonly pull: Pull;
  private readonly log;
  private stopped = false;

  constructor(
    plugin: PluginDefinition,
    readonly definition: HandlerDefinition,
    contained: ContainedPlugin,
    { durable, settlements }: Reconciled,
    private readonly host: PluginHost,
  ) {
    this.durable = durable;
    this.settlements = settlements;
    this.log = host.log.child({ plugin: plugin.name });
    const handler = this.handlerOf(plugin, contained);
    const prefetch = definition.concurrency * PREFETCH_PER_RUN;
    this.intake = new Intake(handler, host.config.delivery.ackWaitMs, () => this.pull.request());
    this.pull = new Pull(host.connection, durable.stream, durable.durable, {
      room: () => prefetch - this.intake.queued,
      deliver: (delivery) => this.intake.offer(delivery),
      gone: (why) => void this.remake(why),
      trouble: (message, details) => this.log.warn(message, { handler: definition.name, ...details }),
    });
    host.sweep.add(this.intake);
    this.pull.start();
  }

  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    // First the word to the server that nothing more is wanted, then what it sent already goes back.
    const pulled = this.pull.stop();
    const settled = this.intake.stop(graceMs);
    await pulled;
    await settled;
    await this.settlements.flush();
    this.host.sweep.remove(this.intake);
  }

  private handlerOf(plugin: PluginDefinition, { instance }: ContainedPlugin): Handler {
    const { definition, durable, host } = this;
    const method = instance[definition.method] as Handler['invoke'];
    return {
      plugin: plugin.name,
      name: definition.name,
      durable: durable.durable,
      version: plugin.version,
      where: definition.where,
      ...(definition.contract && { contract: definition.contract }),
      concurrency: definition.concurrency,
      timeoutMs: definition.timeoutMs,
      retry: definition.retry,
      limits: host.config.delivery,
      invoke: (event, context) => method.call(instance, event, context),
      settlements: this.settlements,
      attempts: new KvAttemptLog(host.records, durable.durable),
      deadLetters: host.deadLetters,
      outgoing: host.outgoing,
      counters: this.counters,
      log: this.log,
    };
  }

  /** Somebody deleted the durable: makes it again, for as long as it takes. */
  private async remake(why: string): Promise<void> {
    this.state = 'waiting';
    this.log.warn('the durable consumer is gone; making it again', { durable: this.durable.durable, why });
    while (!this.stopped) {
      try {
        await ensureDurableAt(this.durable, this.settlements, this.host);
        this.state = 'running';
        this.pull.resume();
        return;
      } catch (error) {
        this.log.warn('the durable consumer cannot be made yet', { durable: this.durable.durable, err: error });
        await new Promise((resolve) => setTimeout(resolve, REMAKE_DELAY_MS));
      }
    }
  }
}
