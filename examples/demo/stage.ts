import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectEventBus } from 'jetplug/client';
import type { EventBus } from 'jetplug/sdk';
import { UserFriendAdded, VideoPublished } from '../../plugins/contracts/streaming';
import { ML_LATENCY_MS, startMlService, type MlService } from '../ml-service';
import { startBaseline } from '../synchronous-baseline';
import { startVideoService } from '../video-service';
import { Claims } from './claims';
import { HostProcess, PACKAGE_ROOT, type Ready } from './host-process';
import { Platform, VIDEOS, VIEWERS } from './platform';
import type { Screen } from './screen';

export interface StageOptions {
  /** Every latency and timeout of the services is multiplied by this factor. */
  readonly scale: number;
  /** The number of requests of each measurement. */
  readonly requests: number;
  readonly screen: Screen;
  /** Aborted to end the demonstration early. */
  readonly stop: AbortController;
}

/** Both platforms and the services that they need, running. */
export interface Stage extends StageOptions {
  readonly claims: Claims;
  readonly signal: AbortSignal;
  /** The synchronous chain. */
  readonly chain: Platform;
  readonly jetplug: Platform;
  /** The ML service, which both platforms need. */
  readonly ml: MlService;
  readonly host: HostProcess;
  readonly ready: Ready;
  /** A temporary folder. */
  readonly folder: string;
  /** The host's plugins folder. */
  readonly plugins: string;
}

/** The plugin that is left out at first, and dropped in later. */
export const DROPPED_IN = join(PACKAGE_ROOT, 'plugins', 'badge.plugin.ts');
const GENRES = ['drama', 'comedy', 'crime', 'space'];

/** Opens the stage, plays on it, and closes it also when the play fails. */
export async function onStage<T>(options: StageOptions, play: (stage: Stage) => Promise<T>): Promise<T> {
  const opened: (() => Promise<unknown>)[] = [];
  let result: T;
  try {
    result = await play(await open(options, (close) => opened.push(close)));
  } catch (error) {
    options.screen.status('cleaning up');
    await closeAll(opened, [error]);
    throw error;
  } finally {
    options.screen.settle();
  }
  await closeAll(opened, []);
  return result;
}

const SUBJECTS = ['video.>', 'user.>', 'recommendation.>', 'analytics.>', 'notification.>', 'badge.>', 'ranking.>'];
const STREAMS = { streams: [{ name: 'EVENTS', subjects: SUBJECTS }] };

async function open(options: StageOptions, onClose: (close: () => Promise<unknown>) => void): Promise<Stage> {
  const { scale, screen, stop } = options;
  const { signal } = stop;
  const folder = await mkdtemp(join(tmpdir(), 'jetplug-demo-'));
  onClose(() => rm(folder, { recursive: true, force: true }));

  const ml = await startMlService({ latencyMs: ML_LATENCY_MS * scale });
  onClose(() => ml.close());
  const mlUrl = `${ml.url}/recommend`;
  const baseline = await startBaseline({ mlUrl, scale });
  onClose(() => baseline.close());

  const plugins = join(folder, 'plugins');
  const config = join(folder, 'demo.yaml');
  await cp(join(PACKAGE_ROOT, 'plugins'), plugins, { recursive: true, filter: (file) => file !== DROPPED_IN });
  // JSON is valid YAML.
  await writeFile(
    config,
    JSON.stringify({ ...STREAMS, plugins: { recommendation: { settings: { mlUrl } } }, shutdown: { grace: '5s' } }),
  );
  const starting = (message: string): void => screen.status(message);
  const host = new HostProcess({ folder, plugins, config, starting, ended: (why) => stop.abort(why) });
  onClose(() => host.stop());
  const ready = await Promise.race([host.ready, aborted(signal)]);

  const events = await connectEventBus({ servers: ready.broker.url, name: 'video-service' });
  onClose(() => events.close());
  await publishCatalogue(events);
  const service = await startVideoService(events);
  onClose(() => service.close());

  const chain = new Platform(baseline.url, signal);
  const jetplug = new Platform(service.url, signal);
  return { ...options, claims: new Claims(screen), signal, chain, jetplug, ml, host, ready, folder, plugins };
}

/** Publishes genres for the videos and a friend for each viewer, so that the plugins have work to do. */
async function publishCatalogue(events: EventBus): Promise<void> {
  for (const [i, video_id] of VIDEOS.entries()) {
    await events.publish(VideoPublished, { video_id, genres: [GENRES[i % GENRES.length]!] });
  }
  for (const [i, user_id] of VIEWERS.entries()) {
    await events.publish(UserFriendAdded, { user_id, friend_id: VIEWERS[(i + 1) % VIEWERS.length]! });
  }
}

/** Closes in the reverse order. Every failure is reported. */
async function closeAll(opened: (() => Promise<unknown>)[], failures: unknown[]): Promise<void> {
  const before = failures.length;
  for (const close of opened.reverse()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > before) throw new AggregateError(failures, 'the demonstration did not clean up');
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
