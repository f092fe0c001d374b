import type { Logger } from '../../sdk';
import { machineTime, type Time, type Timer } from '../base/time';
import type { KeyValue } from '../records/key-value';
import type { Subscription } from './client';
import type { Connection } from './connection';
import { isNoResponders } from './failures';
import {
  claimGeneration,
  newerConfig,
  readGeneration,
  type GenerationRecord,
  type NewerConfig,
} from './generation-record';

export interface GenerationOptions {
  readonly connection: Pick<Connection, 'nc' | 'connected'>;
  readonly records: KeyValue;
  readonly fingerprint: string;
  /** The name of this host, as `machine:process`. */
  readonly host: string;
  /** Whether the host may make its config the newest. A host that changes nothing on the server claims none. Default true. */
  readonly claims?: boolean;
  readonly log: Logger;
  /** Default: the machine's. */
  readonly time?: Time;
}

const CHECK_MS = 5_000;
/** A host that restarts is away for a while. It must be away for so long before an earlier config decides again. */
const PATIENCE_MS = 60_000;
const ANSWER_MS = 1_000;

/**
 * The host's place among the hosts of its deployment. The config that was started last decides about the settings on
 * the server. A host with an earlier config waits: it handles events, and changes no settings. It claims a generation of
 * its own when no host of the newer config runs any more, as after a deploy that was rolled back.
 *
 * A host is found by its subscription, which the server removes as soon as the host is gone.
 */
export class ConfigGeneration {
  /** Whether this host's config is the newest, or the newer generation that the host waits for. */
  private state: 'unknown' | 'newest' | GenerationRecord;
  /** Since when no host of the newest generation is found; undefined while one is. */
  private awaySinceMs: number | undefined;
  /** Whether the host has started, and has known since whether it waits. */
  private hasRun = false;
  private timer: Timer | undefined;
  private checking: Promise<void> | undefined;

  private constructor(
    private readonly options: GenerationOptions,
    private readonly subscription: Pick<Subscription, 'unsubscribe'>,
    exists: boolean,
  ) {
    this.state = exists ? 'unknown' : 'newest';
  }

  /**
   * Finds out whether this host has to wait for a newer config. Changes nothing on the server.
   * @param exists whether the bucket of the records exists
   */
  static async open(options: GenerationOptions, exists: boolean): Promise<ConfigGeneration> {
    const { nc } = options.connection;
    const subscription = nc.subscribe(subjectOf(options.fingerprint), {
      callback: (error, message) => {
        // The connection reports a missing permission.
        if (!error) message.respond();
      },
    });
    const generation = new ConfigGeneration(options, subscription, exists);
    try {
      // Other hosts must find this one before it claims a generation.
      await nc.flush();
    } catch (error) {
      generation.stop();
      throw error;
    }
    if (exists) await generation.tryTo(() => generation.look());
    return generation;
  }

  /** The newer config, as the host describes it. */
  get newer(): NewerConfig | undefined {
    return typeof this.state === 'string' ? undefined : newerConfig(this.state);
  }

  /** Whether the host must not change settings on the server. It waits too until it has read the newest generation. */
  get waits(): boolean {
    return this.state !== 'newest';
  }

  /**
   * Makes this host's config the newest one, unless it has to wait. The bucket of the records must exist. If it does not
   * answer, as while a cluster elects its leader, the host waits, and tries again every few seconds.
   */
  async claim(): Promise<void> {
    await this.tryTo(() => this.decide());
    this.logWait();
    this.hasRun = this.state !== 'unknown';
    const { time = machineTime } = this.options;
    this.timer = time.every(CHECK_MS, () => void this.check());
  }

  /** Reads the newest generation now. Never rejects; a failed read changes nothing. */
  check(): Promise<void> {
    this.checking ??= this.recheck().finally(() => (this.checking = undefined));
    return this.checking;
  }

  /** Reads the newest generation as it is after this call, which a check that is running may have missed. */
  async checkNow(): Promise<void> {
    await this.checking;
    await this.check();
  }

  stop(): void {
    this.timer?.cancel();
    this.subscription.unsubscribe();
  }

  private async recheck(): Promise<void> {
    const { connection, log } = this.options;
    if (!connection.connected) return;
    const before = this.newer;
    await this.tryTo(() => this.decide());
    this.hasRun ||= this.state !== 'unknown';
    if (this.newer?.generation !== before?.generation) this.logWait();
    if (!this.newer && before) log.info('no host of the newer configuration runs; this host applies its own again');
  }

  /** Reads or claims a generation. If that fails, the state stays as it is. */
  private async tryTo(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const level = this.state === 'unknown' ? 'warn' : 'debug';
      this.options.log[level]('cannot read yet which configuration of the deployment is the newest', { err: error });
    }
  }

  /** Reads the newest generation and claims the next one if this host may. */
  private async decide(): Promise<void> {
    const { records, claims = true, fingerprint, host, time } = this.options;
    if (!claims) return this.look();
    const claim = { fingerprint, host, ...(time && { time }) };
    const newest = await claimGeneration(
      records,
      claim,
      async (record) => record.fingerprint === fingerprint || !(await this.mayClaim(record)),
    );
    const isOwn = newest.fingerprint === fingerprint;
    if (isOwn) this.awaySinceMs = undefined;
    this.state = isOwn ? 'newest' : newest;
  }

  /** Reads the newest generation, and claims none. */
  private async look(): Promise<void> {
    const [record] = await readGeneration(this.options.records);
    this.state = record && !(await this.mayClaim(record)) ? record : 'newest';
  }

  /** A config that the deployment has never had is newer. An earlier one counts again if no host of the newest runs. */
  private async mayClaim({ fingerprint, earlier, applied }: GenerationRecord): Promise<boolean> {
    if (!isEarlier(this.options.fingerprint, { fingerprint, earlier })) return true;
    if (applied) return false;
    if (await this.isRun(fingerprint)) {
      this.awaySinceMs = undefined;
      return false;
    }
    // A host that starts does not wait for others, so that a deploy can be rolled back.
    if (!this.hasRun) return true;
    const { time = machineTime } = this.options;
    this.awaySinceMs ??= time.nowMs();
    return time.nowMs() - this.awaySinceMs >= PATIENCE_MS;
  }

  /** Whether a host with this config runs. Without the permission to subscribe no host is found, so all seem to run. */
  private async isRun(fingerprint: string): Promise<boolean> {
    const { nc } = this.options.connection;
    return (await answers(nc, fingerprint)) || !(await answers(nc, this.options.fingerprint));
  }

  private logWait(): void {
    if (!this.newer) return;
    const { generation, host } = this.newer;
    this.options.log.warn(
      'another host has a newer configuration; this host handles events and leaves the settings of streams and durables as they are',
      { generation, by: host, hint: 'npx jetplug apply with the configuration of this host makes it the newest' },
    );
  }
}

/** Returns the newer config that a host which starts with this one would wait for. Claims nothing. */
export async function newerConfigFor(
  { nc }: Pick<Connection, 'nc'>,
  records: KeyValue,
  fingerprint: string,
): Promise<NewerConfig | undefined> {
  const [newest] = await readGeneration(records);
  if (!newest || !isEarlier(fingerprint, newest)) return undefined;
  return newest.applied || (await answers(nc, newest.fingerprint)) ? newerConfig(newest) : undefined;
}

/** Whether the deployment had a config before its newest one. A config that it has never had is newer. */
function isEarlier(own: string, { fingerprint, earlier }: Pick<GenerationRecord, 'fingerprint' | 'earlier'>): boolean {
  return own !== fingerprint && earlier.includes(own);
}

/** Whether a host with this config answers. */
async function answers(nc: Connection['nc'], fingerprint: string): Promise<boolean> {
  try {
    await nc.request(subjectOf(fingerprint), '', { timeout: ANSWER_MS });
    return true;
  } catch (error) {
    // A host that does not answer in time is frozen.
    return !isNoResponders(error);
  }
}

/** The subjects by which hosts find each other. */
export const CONFIG_SUBJECTS = 'jetplug.config.*';

function subjectOf(fingerprint: string): string {
  return CONFIG_SUBJECTS.replace('*', fingerprint);
}
