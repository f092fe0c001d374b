import type { NatsConnection } from 'nats';
import { logStreamName } from '../../host/nats/wanted-streams';
import { CHECKPOINT_KEY } from '../../host/records/commits/checkpoint';
import { decodeCommit } from '../../host/records/commits/commit';
import { bucketIsFilled, readStream } from '../support/stored';
import { percentile } from './ledger';

const POSITION = 'x-jetplug-commit';
/** More values than a key gets during a measurement. */
const HISTORY = 10_000;

/** How long the bucket took to follow the log, for each change of a key. */
export interface Lags {
  readonly changes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

/** Measures, by the times of the server, how far a plugin's bucket is behind its log. A host must run. */
export class BucketLag {
  private constructor(
    private readonly nats: NatsConnection,
    private readonly plugin: string,
    private readonly after: number,
  ) {}

  /** Begins at the present end of the log. From now on the bucket keeps the earlier values of its keys. */
  static async begin(nats: NatsConnection, plugin: string): Promise<BucketLag> {
    const { streams } = await nats.jetstreamManager();
    await streams.update(`KV_jetplug-${plugin}`, { max_msgs_per_subject: HISTORY });
    const { state } = await streams.info(logStreamName(plugin));
    return new BucketLag(nats, plugin, state.last_seq);
  }

  /** Waits until the bucket has all changes so far, and returns how long each of them took. */
  async end(): Promise<Lags> {
    await bucketIsFilled(this.nats, this.plugin);
    const filledAtMs = await this.fills();
    const lagsMs: number[] = [];
    for (const { sequence: position, storedAtMs, text } of await readStream(this.nats, logStreamName(this.plugin))) {
      if (position <= this.after) continue;
      for (const { writes } of decodeCommit(text()).runs) {
        for (const key of writes.keys()) {
          // A later value of the key takes the place of one that the bucket never had.
          const fill = filledAtMs.get(key)!.find((each) => each.position >= position)!;
          lagsMs.push(fill.atMs - storedAtMs);
        }
      }
    }
    const [p50Ms, p99Ms, mostMs] = [0.5, 0.99, 1].map((share) => percentile(lagsMs, share)) as [number, number, number];
    return { changes: lagsMs.length, p50Ms, p99Ms, mostMs };
  }

  /** The positions of each key's values, with the time at which the bucket stored them, in order. */
  private async fills(): Promise<Map<string, { position: number; atMs: number }[]>> {
    const fills = new Map<string, { position: number; atMs: number }[]>();
    const prefix = `$KV.jetplug-${this.plugin}.`;
    for (const { subject, storedAtMs, header } of await readStream(this.nats, `KV_jetplug-${this.plugin}`)) {
      const key = subject.slice(prefix.length);
      if (key === CHECKPOINT_KEY) continue;
      const fill = { position: Number(header(POSITION)), atMs: storedAtMs };
      const earlier = fills.get(key);
      if (earlier) earlier.push(fill);
      else fills.set(key, [fill]);
    }
    return fills;
  }
}
