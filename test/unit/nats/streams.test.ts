import type { Connection } from '../../../host/nats/connection';
import { findStream, isStreamNotFound, streamInfo } from '../../../host/nats/streams';

const apiError = (code: number, text: string): Error =>
  Object.assign(new Error(text), { api_error: { err_code: code, description: text } });
const connection = (askApi: () => Promise<unknown>): Connection => ({ requests: { askApi } }) as unknown as Connection;
const MISSING = connection(() => Promise.reject(apiError(10059, 'stream not found')));
const DOWN = connection(() => Promise.reject(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));

test('a missing stream is undefined for findStream and an error for streamInfo', async () => {
  expect(await findStream(MISSING, 'EVENTS')).toBeUndefined();
  const error = await streamInfo(MISSING, 'EVENTS').catch((thrown: unknown) => thrown);
  expect(isStreamNotFound(error)).toBe(true);
});

test('any other failure is an error of the catalogue that names the stream', async () => {
  for (const request of [findStream, streamInfo]) {
    const error = await request(DOWN, 'EVENTS').catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'JP_BROKER_NO_QUORUM', message: expect.stringContaining('stream EVENTS') });
    expect(isStreamNotFound(error)).toBe(false);
  }
});
