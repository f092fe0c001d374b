/** The video service records the session, publishes one event, and answers. It does not know the plugins that react. */
import { parseArgs } from 'node:util';
import { connectEventBus } from 'jetplug/client';
import type { EventBus } from 'jetplug/sdk';
import { VideoWatchStarted } from '../plugins/contracts/streaming';
import { listen, runAsCommand, type Running } from './server';
import { VIDEO_STARTED, watchEndpoint, type VideoStarted } from './watch-endpoint';

/** The video that a viewer watches now. */
export interface Session {
  videoId: string;
  startedAt: Date;
}

export class VideoService {
  private readonly sessions = new Map<string, Session>();

  constructor(
    private readonly events: EventBus,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /**
   * Starts a video. The state of the other services does not matter.
   * @throws PlaybackError when the event could not be stored
   */
  async startWatching(userId: string, videoId: string): Promise<VideoStarted> {
    const session = { videoId, startedAt: this.now() };
    this.sessions.set(userId, session);
    try {
      const timestamp = session.startedAt.toISOString();
      await this.events.publish(VideoWatchStarted, { user_id: userId, video_id: videoId }, { timestamp });
    } catch (cause) {
      if (this.sessions.get(userId) === session) this.sessions.delete(userId);
      throw new PlaybackError(`the video could not be started: ${(cause as Error).message}`, { cause });
    }
    return VIDEO_STARTED;
  }

  /** The viewer's session; undefined for a viewer who watches nothing. */
  session(userId: string): Session | undefined {
    return this.sessions.get(userId);
  }
}

/** Playback failed; the viewer may try again. */
export class PlaybackError extends Error {
  override readonly name = 'PlaybackError';
  readonly statusCode = 503;
}

/**
 * @param port the port of `POST /watch`; 0 for any free port
 * @param host the address to listen on; loopback by default
 */
export function startVideoService(events: EventBus, port = 0, host?: string): Promise<Running> {
  const service = new VideoService(events);
  return listen(
    watchEndpoint((userId, videoId) => service.startWatching(userId, videoId)),
    port,
    host,
  );
}

async function start(): Promise<Running> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string' },
      servers: { type: 'string', multiple: true, default: ['nats://127.0.0.1:4222'] },
    },
  });
  const events = await connectEventBus({ servers: values.servers, name: 'video-service' });
  const server = await startVideoService(events, Number(values.port), values.host);
  return {
    url: server.url,
    close: async () => {
      await server.close();
      await events.close();
    },
  };
}

if (require.main === module) runAsCommand(start);
