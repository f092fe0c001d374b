import { testHost } from 'jetplug/testing';
import { BadgePlugin } from '../../plugins/badge.plugin';
import { BadgeAwarded, VideoWatchStarted } from '../../plugins/contracts/streaming';

test.each([false, true])('badge, server: %s', async (server) => {
  const t = performance.now();
  const host = await testHost([BadgePlugin], { settings: { badge: { milestones: [2] } }, server });
  for (let i = 0; i < 3; i++) await host.publish(VideoWatchStarted, { user_id: 'u1', video_id: 'v1' });
  await host.settled();
  expect(host.published(BadgeAwarded)).toMatchObject([{ user_id: 'u1', count: 2 }]);
  expect(await host.store(BadgePlugin).get('u1')).toBe(3);
  expect(host.deadLetters()).toEqual([]);
  await host.stop();
  process.stderr.write(`${performance.now() - t} ms\n`);
});
