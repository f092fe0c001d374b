import type { Running } from '../../../examples/server';
import { startVideoService, VideoService } from '../../../examples/video-service';
import { VideoWatchStarted } from '../../../plugins/contracts/streaming';
import { EventBus } from '../../../sdk';
import { post } from '../../support/http';
import { NOON, RecordingBus } from '../../support/plugin-harness';

const STARTED = { status: 'success', message: 'Video started' };

class BrokenBus extends EventBus {
  publish(): Promise<string> {
    return Promise.reject(new Error('no stream took it'));
  }
}

describe('VideoService', () => {
  test('records the session, publishes one event and answers', async () => {
    const bus = new RecordingBus();
    const service = new VideoService(bus, () => new Date(NOON));
    expect(await service.startWatching('u1', 'v1')).toEqual(STARTED);
    expect(bus.of(VideoWatchStarted)).toEqual([{ user_id: 'u1', video_id: 'v1' }]);
    expect(service.session('u1')).toEqual({ videoId: 'v1', startedAt: new Date(NOON) });
  });

  test('has no session where the event could not be published', async () => {
    const service = new VideoService(new BrokenBus());
    await expect(service.startWatching('u1', 'v1')).rejects.toThrow(/no stream took it/);
    expect(service.session('u1')).toBeUndefined();
  });
});

describe('POST /watch', () => {
  let bus: RecordingBus;
  let server: Running;
  beforeEach(async () => {
    bus = new RecordingBus();
    server = await startVideoService(bus);
  });
  afterEach(() => server.close());

  test('starts a video', async () => {
    expect(await post(`${server.url}/watch`, { user_id: 'u1', video_id: 'v1' })).toEqual({
      status: 200,
      body: STARTED,
    });
    expect(bus.of(VideoWatchStarted)).toHaveLength(1);
  });

  test.each([
    ['no video', { user_id: 'u1' }, /^video_id: /],
    ['an empty viewer', { user_id: '', video_id: 'v1' }, /^user_id: /],
    ['a number for a viewer', { user_id: 1, video_id: 'v1' }, /^user_id: /],
    ['no object', '"u1"', /^body: /],
    ['no JSON', '{"user_id"', /JSON/],
  ])('refuses a body with %s, with the reason', async (_what, body, why) => {
    expect(await post(`${server.url}/watch`, body)).toEqual({
      status: 400,
      body: { status: 'error', message: expect.stringMatching(why) as string },
    });
    expect(bus.of(VideoWatchStarted)).toEqual([]);
  });

  test('answers 503 where the event could not be published', async () => {
    const broken = await startVideoService(new BrokenBus());
    try {
      expect(await post(`${broken.url}/watch`, { user_id: 'u1', video_id: 'v1' })).toEqual({
        status: 503,
        body: { status: 'error', message: 'the video could not be started: no stream took it' },
      });
    } finally {
      await broken.close();
    }
  });
});
