import { startMlService, type MlService } from '../../../examples/ml-service';
import type { Running } from '../../../examples/server';
import { SERVICES, startBaseline } from '../../../examples/synchronous-baseline';
import { post } from '../../support/http';

const SCALE = 0.1;
/** Slow enough that nothing times out. */
const LEISURELY = 0.5;
const WATCH = { user_id: 'u1', video_id: 'v1' };

let ml: MlService;
let baseline: Running;
beforeEach(async () => {
  ml = await startMlService({ latencyMs: 0 });
  baseline = await startBaseline({ mlUrl: `${ml.url}/recommend`, scale: SCALE });
});
afterEach(async () => {
  await baseline.close();
  await ml.close();
});

test('starts a video when all six services have answered, one after the other', async () => {
  await baseline.close();
  baseline = await startBaseline({ mlUrl: `${ml.url}/recommend`, scale: LEISURELY });
  const began = performance.now();
  expect(await post(`${baseline.url}/watch`, WATCH)).toEqual({
    status: 200,
    body: { status: 'success', message: 'Video started' },
  });
  const others = SERVICES.filter(({ name }) => name !== 'recommendation');
  const sumMs = others.reduce((sum, { latencyMs }) => sum + latencyMs * LEISURELY, 0);
  // A timer may fire up to a millisecond early.
  expect(performance.now() - began).toBeGreaterThanOrEqual(sumMs - others.length);
});

test('fails the playback after two timeouts when the ML service hangs, and names it', async () => {
  ml.setMode('hang');
  const began = performance.now();
  expect(await post(`${baseline.url}/watch`, WATCH)).toEqual({
    status: 502,
    body: {
      status: 'error',
      service: 'recommendation',
      message: expect.stringMatching(/recommendation failed 2 times: .*timeout/) as string,
    },
  });
  const { timeoutMs } = SERVICES.find(({ name }) => name === 'recommendation')!;
  expect(performance.now() - began).toBeGreaterThanOrEqual(2 * timeoutMs * SCALE - 2);
});

test('fails the playback when the ML service is down', async () => {
  await ml.close();
  expect(await post(`${baseline.url}/watch`, WATCH)).toMatchObject({
    status: 502,
    body: { service: 'recommendation' },
  });
});

test('starts videos again when the ML service is back', async () => {
  ml.setMode('hang');
  await post(`${baseline.url}/watch`, WATCH);
  ml.setMode('ok');
  expect(await post(`${baseline.url}/watch`, WATCH)).toMatchObject({ status: 200 });
});

test('refuses a request that names no video', async () => {
  expect(await post(`${baseline.url}/watch`, { user_id: 'u1' })).toMatchObject({
    status: 400,
    body: { status: 'error' },
  });
});
