import type { ConsumerInfo } from './client';
import type { DurableLook, DurableSpec, DurableWatcher } from '../broker/durable';
import type { Logger } from '../../sdk';
import { LogThrottle } from '../base/log-throttle';
import type { Connection } from './connection';
import { checkpointOf, withServerSettings, type DurableDeploy } from './consumers';
import { changeTexts, differencesOf, isDecisive, isOwnFilter } from './durable-config';
import { asBrokerError } from './failures';
import { waitingFormer } from './former-subjects';
import { listDurables } from './list-durables';
import { ownershipOf } from './ownership';
import { pausedUntilOf } from './pauses';
import { pinOf } from './pins';
import { isStreamNotFound } from './streams';

/** The longest time until the host notices a changed durable on the server. */
const CHECK_MS = 5_000;
const LOG_AGAIN_MS = 600_000;

/**
 * Compares all durables of the host with their settings every 5 s. A check sends one paged request for each stream,
 * however many handlers there are.
 */
export class DurableWatch {
  private readonly members = new Set<{ readonly spec: DurableSpec; readonly watcher: DurableWatcher }>();
  private readonly failures = new LogThrottle(LOG_AGAIN_MS);
  private readonly unknownSettings = new LogThrottle(LOG_AGAIN_MS);
  private timer: NodeJS.Timeout | undefined;
  private checking: Promise<void> | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly log: Logger,
    private readonly deploy: DurableDeploy,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.check(), CHECK_MS).unref();
  }

  /** Calls the watcher at each check that finds the durable. Returns a function that ends the calls. */
  add(spec: DurableSpec, watcher: DurableWatcher): () => void {
    const member = { spec, watcher };
    this.members.add(member);
    return () => void this.members.delete(member);
  }

  /** Checks now, or waits for the check that is running. Never rejects. */
  check(): Promise<void> {
    this.checking ??= this.checkAll().finally(() => (this.checking = undefined));
    return this.checking;
  }

  stop(): void {
    clearInterval(this.timer);
    this.members.clear();
  }

  private async checkAll(): Promise<void> {
    if (!this.connection.connected) return;
    const streams = new Set([...this.members].map(({ spec }) => spec.stream));
    await Promise.all([...streams].map((stream) => this.checkStream(stream)));
  }

  private async checkStream(stream: string): Promise<void> {
    const members = [...this.members].filter(({ spec }) => spec.stream === stream);
    try {
      const durables = await listDurables(this.connection, stream);
      for (const member of members) {
        const info = durables.get(member.spec.durable);
        // The pull of a durable that is gone receives a status from the server.
        if (info && this.members.has(member)) member.watcher(this.stateOf(member.spec, info));
      }
    } catch (error) {
      // The pulls and the stream keeper report a stream that is gone.
      if (!this.connection.connected || isStreamNotFound(error)) return;
      const failure = asBrokerError(error, `listing the durables of stream ${stream}`);
      if (this.failures.note(`${stream} ${failure.message}`) === undefined) return;
      this.log.warn('cannot compare the durables of a stream with their settings', { stream, err: failure });
    }
  }

  private stateOf(own: DurableSpec, info: ConsumerInfo): DurableLook {
    const spec = this.deploy.waits ? withServerSettings(own, info) : own;
    const { config, num_pending, num_ack_pending, num_waiting } = info;
    const pausedUntil = pausedUntilOf(info);
    const pin = pinOf(info);
    const isOurs = ownershipOf(config.metadata, spec.deployment).kind === 'ours';
    const { fixed, correctable, ofOtherHost, skipsEvents, unknown } = differencesOf(
      { ...spec, former: waitingFormer(spec, info) },
      { ...config },
    );
    for (const setting of unknown) this.logUnknown(spec, setting);
    const isUsable = isOurs && fixed.length === 0 && !skipsEvents && !ofOtherHost.some(isDecisive);
    const isReported = this.deploy.drift === 'report' && !isOwnFilter(correctable, { ...config });
    const corrections = isReported ? [] : correctable;
    return {
      ...(pausedUntil && { pausedUntil }),
      pending: num_pending,
      inFlight: num_ack_pending,
      pulls: num_waiting,
      ...(pin !== undefined && { pin }),
      needs: !isUsable ? 'check' : corrections.length > 0 ? 'correction' : 'nothing',
      corrections: changeTexts(corrections),
      drift: changeTexts(isReported ? [...correctable, ...ofOtherHost] : ofOtherHost),
      checkpoint: checkpointOf(spec, info),
    };
  }

  private logUnknown({ stream, durable }: DurableSpec, setting: string): void {
    if (this.unknownSettings.note(setting) === undefined) return;
    this.log.info('durable has a setting that this version does not know; leaving it unchanged', {
      stream,
      durable,
      setting,
    });
  }
}
