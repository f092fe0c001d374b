import type { DurableLook } from '../broker/durable';
import type { DurableWatcher } from '../broker/durable';
import type { ConsumerInfo } from 'nats';
import type { Logger } from '../../sdk';
import { LogThrottle } from '../base/log-throttle';
import type { Connection } from './connection';
import { checkpointOf } from './consumers';
import { changeTexts, differencesOf } from './durable-config';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { ownershipOf } from './ownership';
import type { DurableSpec } from '../broker/durable';
/** How soon a change that somebody makes on the server is seen. */
const LOOK_MS = 5_000;
const SAY_AGAIN_MS = 600_000;

/** Looks at all durables of the host every 5 s: one paged request a stream, whatever the number of handlers. */
export class DurableWatch {
  private readonly members = new Set<{ readonly spec: DurableSpec; readonly watcher: DurableWatcher }>();
  private readonly failures = new LogThrottle(SAY_AGAIN_MS);
  private readonly unknownSettings = new LogThrottle(SAY_AGAIN_MS);
  private readonly timer: NodeJS.Timeout;
  private looking: Promise<void> | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly log: Logger,
  ) {
    this.timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  /** Calls back at each look at the durable; the result ends that. */
  add(spec: DurableSpec, watcher: DurableWatcher): () => void {
    const member = { spec, watcher };
    this.members.add(member);
    return () => void this.members.delete(member);
  }

  /** Looks now, or waits for the look that is under way. Never rejects. */
  look(): Promise<void> {
    this.looking ??= this.lookAtAll().finally(() => (this.looking = undefined));
    return this.looking;
  }

  stop(): void {
    clearInterval(this.timer);
    this.members.clear();
  }

  private async lookAtAll(): Promise<void> {
    if (!this.connection.connected) return;
    const streams = new Set([...this.members].map(({ spec }) => spec.stream));
    await Promise.all([...streams].map((stream) => this.lookAtStream(stream)));
  }

  private async lookAtStream(stream: string): Promise<void> {
    const members = [...this.members].filter(({ spec }) => spec.stream === stream);
    try {
      const durables = await listDurables(this.connection, stream);
      for (const member of members) {
        const info = durables.get(member.spec.durable);
        // Who pulls from a durable that is gone hears of it from the server.
        if (info && this.members.has(member)) member.watcher(this.lookOf(member.spec, info));
      }
    } catch (error) {
      // Whoever pulls or keeps the stream says that it is gone.
      if (!this.connection.connected || apiErrorCode(error) === API_ERROR.streamNotFound) return;
      const failure = asBrokerError(error, `listing the durables of stream ${stream}`);
      if (this.failures.note(`${stream} ${failure.message}`) === undefined) return;
      this.log.warn('the durables of a stream cannot be compared with their settings', { stream, err: failure });
    }
  }

  private lookOf(spec: DurableSpec, info: ConsumerInfo): DurableLook {
    const { config, num_pending, num_ack_pending } = info;
    const { pause_until: pauseUntil } = config as { pause_until?: string };
    const isPaused = (info as { paused?: boolean }).paused === true && pauseUntil !== undefined;
    const isOurs = ownershipOf(config.metadata, spec.deployment).kind === 'ours';
    const { fixed, correctable, ofOtherHost, passesOver, unknown } = differencesOf(spec, { ...config });
    for (const setting of unknown) this.sayUnknown(spec, setting);
    const isUsable = isOurs && fixed.length === 0 && !passesOver && !ofOtherHost.some(isFilter);
    return {
      ...(isPaused && { pausedUntil: new Date(pauseUntil) }),
      pending: num_pending,
      inFlight: num_ack_pending,
      needs: !isUsable ? 'hold' : correctable.length > 0 ? 'correction' : 'nothing',
      corrections: changeTexts(correctable),
      drift: changeTexts(ofOtherHost),
      checkpoint: checkpointOf(spec, info),
    };
  }

  private sayUnknown({ stream, durable }: DurableSpec, setting: string): void {
    if (this.unknownSettings.note(setting) === undefined) return;
    this.log.info('a durable has a setting that this version does not know; it is left', { stream, durable, setting });
  }
}

/** Events of another filter must not come to the handler. */
function isFilter({ field }: { readonly field: string }): boolean {
  return field === 'filter_subject';
}

/** All durables of a stream, by name. */
async function listDurables({ requests }: Connection, stream: string): Promise<Map<string, ConsumerInfo>> {
  const found = new Map<string, ConsumerInfo>();
  for (let offset = 0; ;) {
    const page = await requests.askApi<{ total: number; consumers?: ConsumerInfo[] | null }>(
      `CONSUMER.LIST.${stream}`,
      {
        offset,
      },
    );
    const consumers = page.consumers ?? [];
    for (const info of consumers) found.set(info.name, info);
    offset += consumers.length;
    if (consumers.length === 0 || offset >= page.total) return found;
  }
}
