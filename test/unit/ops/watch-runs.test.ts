import { watchRuns } from '../../../host/ops/watch-runs';
import type { LiveFilter } from '../../../host/records/runs/live-runs';

const watched: [string, LiveFilter][] = [];
const host = {
  live: { watch: (name: string, filter: LiveFilter) => watched.push([name, filter]) > 0 },
  streams: [{ name: 'EVENTS', subjects: ['video.>'] }],
};
const watch = (filter: string, inbox = '_INBOX.a') => watchRuns(filter, { inbox, send: () => undefined }, host);
beforeEach(() => void watched.splice(0));

it('watches the runs that the filter names, for the inbox that asks', async () => {
  const filter = { subject: 'video.>', plugin: 'badge', handled: false, fields: [{ path: ['a', 'b'], value: '1' }] };
  expect(await watch(JSON.stringify(filter))).toEqual({ watches: true });
  expect(watched).toMatchObject([['_INBOX.a', filter]]);
});

it.each([
  'no JSON',
  '{"subject":5}',
  '{"subject":"a b"}',
  '{"plugin":{}}',
  '{"handled":"yes"}',
  '{"fields":{}}',
  '{"fields":[null]}',
  '{"fields":[{"path":"a","value":"b"}]}',
  '{"fields":[{"path":[1],"value":"b"}]}',
  '{"fields":[{"path":["a"],"value":1}]}',
])('refuses the filter %s', async (filter) => {
  await expect(watch(filter)).rejects.toThrow();
  expect(watched).toEqual([]);
});

it.each(['', '$JS.API.STREAM.DELETE.EVENTS', 'video.watch_started'])(
  'refuses to send runs to %j, which is no inbox',
  async (inbox) => {
    await expect(watch('{}', inbox)).rejects.toThrow('no inbox');
    expect(watched).toEqual([]);
  },
);

it('takes null for a filter that all runs pass', async () => {
  expect(await watch('null')).toEqual({ watches: true });
});
