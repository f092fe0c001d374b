import { KvAttemptLog } from '../message/attempts';
import { Circuit } from '../message/circuit';
import { HandlerCounters } from '../message/counters';
import type { MessageRef } from '../message/delivery';
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
/** The waits before the first probe of a handler that is down, the second and so on. */
const PROBE_MS = [1_000, 2_000, 5_000, 10_000];
const REMAKE_DELAY_MS = 1_000;

/** A handler that pulls from its durable. */
export interface ConsumingHandler {
  readonly definition: HandlerDefinition;
  readonly durable: DurableSpec;
  readonly counters: HandlerCounters;
  readonly state: 'running' | 'waiting';
  readonly circuit: Pick<Circuit, 'outage'>;
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
  private readonly attempts: KvAttemptLog;
  readonly circuit: Circuit;
  private probeTimer: NodeJS.Timeout | undefined;
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
    this.attempts = new KvAttemptLog(host.records, durable.durable);
    this.circuit = new Circuit({ ...host.config.delivery.circuit, probeMs: PROBE_MS }, {
      opened: (discharged) => this.holdOff(discharged),
      closed: () => this.goOn(),
      charged: (failed) => this.recordAll(failed.map(({ message }) => this.attempts.charge(message))),
    });
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
    clearTimeout(this.probeTimer);
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
      attempts: this.attempts,
      circuit: this.circuit,
      deadLetters: host.deadLetters,
      outgoing: host.outgoing,
      counters: this.counters,
      log: this.log,
    };
  }

  /** The handler is down: its events wait in the stream, and a probe is made now and then. */
  private holdOff(discharged: readonly MessageRef[]): void {
    this.state = 'waiting';
    this.log.error('everything fails: the circuit opens and the events wait', {
      handler: this.definition.name,
      reason: this.circuit.outage?.reason,
    });
    this.recordAll(discharged.map((message) => this.attempts.discharge(message)));
    this.pull.pause();
    this.intake.admit(0);
    this.probeLater();
  }

  private probeLater(): void {
    this.probeTimer = setTimeout(() => {
      if (this.stopped || !this.circuit.isOpen) return;
      // While one probe runs, another would tell nothing more.
      if (this.intake.running === 0) {
        this.circuit.probed();
        this.intake.admit(1);
        this.pull.probe();
      }
      this.probeLater();
    }, this.circuit.probeDelayMs);
  }

  private goOn(): void {
    clearTimeout(this.probeTimer);
    this.state = 'running';
    this.log.info('the handler works again: the circuit closes', { handler: this.definition.name });
    this.intake.admit(Infinity);
    this.pull.resume();
  }

  private recordAll(records: Promise<void>[]): void {
    for (const record of records) {
      record.catch((error: unknown) =>
        this.log.warn('the count of failures could not be recorded', { handler: this.definition.name, err: error }),
      );
    }
  }

  /** Somebody deleted the durable: makes it again, for as long as it takes. */
  private async remake(why: string): Promise<void> {
    this.state = 'waiting';
    this.log.warn('the durable consumer is gone; making it again', { durable: this.durable.durable, why });
    while (!this.stopped) {
      try {
        await ensureDurableAt(this.durable, this.settlements, this.host);
        this.state = 'running';
        this.pull.found();
        return;
      } catch (error) {
        this.log.warn('the durable consumer cannot be made yet', { durable: this.durable.durable, err: error });
        await new Promise((resolve) => setTimeout(resolve, REMAKE_DELAY_MS));
      }
    }
  }
}
