import { startMlService, type MlService } from '../../../examples/ml-service';
import { post } from '../../support/http';

let ml: MlService;
beforeEach(async () => {
  ml = await startMlService({ latencyMs: 0 });
});
afterEach(() => ml.close());

const recommend = (video_id: string, signal?: AbortSignal) =>
  post(`${ml.url}/recommend`, { user_id: 'u1', video_id }, signal);

test('recommends the videos that were watched last, without the present one', async () => {
  for (const video of ['v1', 'v2', 'v1']) await recommend(video);
  expect(await recommend('v3')).toEqual({ status: 200, body: { video_ids: ['v1', 'v2'] } });
  expect(await recommend('v1')).toEqual({ status: 200, body: { video_ids: ['v3', 'v2'] } });
});

test('refuses a body that is not a watch', async () => {
  expect(await post(`${ml.url}/recommend`, { user_id: 'u1' })).toMatchObject({ status: 400 });
});

test('hangs in mode hang, set by a method or over HTTP, and answers again in mode ok', async () => {
  ml.setMode('hang');
  await expect(recommend('v1', AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(await post(`${ml.url}/admin/ml`, { mode: 'ok' })).toEqual({ status: 200, body: { mode: 'ok' } });
  expect(await recommend('v1')).toMatchObject({ status: 200 });
  expect(await post(`${ml.url}/admin/ml`, { mode: 'hang' })).toMatchObject({ status: 200 });
  await expect(recommend('v1', AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('refuses a mode that it does not have', async () => {
  expect(await post(`${ml.url}/admin/ml`, { mode: 'slow' })).toMatchObject({ status: 400 });
});

test('closes while a request hangs', async () => {
  ml.setMode('hang');
  const hanging = expect(recommend('v1')).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await ml.close();
  await hanging;
});
