import { VideoWatchStarted } from '../../plugins/contracts/streaming';

async function accepts(user_id: unknown): Promise<boolean> {
  const result = await VideoWatchStarted.schema['~standard'].validate({ user_id, video_id: 'v1' });
  return result.issues === undefined;
}

test.each([
  ['an ordinary id', 'u1'],
  ['any script', '視聴者 🎬\n'],
  ['the longest, of 510 bytes', '観'.repeat(170)],
])('an id may be %s', async (_what, id) => {
  expect(await accepts(id)).toBe(true);
  expect(Buffer.byteLength(id)).toBeLessThanOrEqual(512);
});

test.each([
  ['empty', ''],
  ['longer than a store key', 'x'.repeat(171)],
  ['half a surrogate pair', 'u\ud800'],
  ['a number', 7],
])('an id may not be %s', async (_what, id) => {
  expect(await accepts(id)).toBe(false);
});
