/** `jetplug debug`: the network, edits, mistakes, processes that end, cut histories, and the screen. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CountedEvents, type Debugged } from '../support/counted-events';
import { Scene } from '../support/scene';

const scene = new Scene();
const requests: string[] = [];
const service = createServer((request, response) => {
  requests.push(request.url!);
  response.end('{}');
});
let counted: CountedEvents;

beforeAll(async () => {
  await new Promise<void>((resolve) => void service.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
  counted = await CountedEvents.open(scene, { first: {}, second: {}, third: {}, calling: { url } });
});
afterAll(async () => {
  service.close();
  await scene.end();
});

test('the file runs as it is on disk', async () => {
  const added = await counted.edited('n + 1', 'n + 10', () => counted.count('second'));
  expect(added.json<Debugged>().changes).toEqual([{ key: 'u1', before: { value: 1 }, after: { value: 11 } }]);
});

test('the network is refused with a coded error, and --allow-net allows it', async () => {
  const before = requests.length;
  const refused = await counted.count('calling');
  const { outcome, error } = refused.json<Debugged>();
  expect({ code: refused.code, outcome, message: error!.message }).toEqual({
    ...{ code: 1, outcome: 'failed' },
    message: expect.stringMatching(
      /^fetch failed ← connect ECONNREFUSED 127\.0\.0\.1:\d+: the run has no network without --allow-net$/,
    ),
  });
  expect(requests).toHaveLength(before);
  const allowed = await counted.count('calling', '--allow-net');
  expect({ code: allowed.code, outcome: allowed.json<Debugged>().outcome }).toEqual({ code: 0, outcome: 'handled' });
  expect(requests).toHaveLength(before + 1);
});

test('an event, a plugin and a handler that are unknown or not named are explained', async () => {
  const cases: [args: string[], code: string, message: RegExp][] = [
    [['nothing', '--plugin', 'counter'], 'JP_NOT_FOUND', /no stored event has the id "nothing"/],
    [['EVENTS:99999', '--plugin', 'counter'], 'JP_NOT_FOUND', /stream EVENTS has no event 99999/],
    [['second', '--plugin', 'countr'], 'JP_NOT_FOUND', /no plugin "countr" .*did you mean counter\?/],
    [['second', '--plugin', 'counter'], 'JP_USAGE', /several handlers of counter take video\.counted: count, see/],
    [['second', '--plugin', 'counter', '--handler', 'x'], 'JP_NOT_FOUND', /counter has no handler x/],
    [['second', '--plugin', 'counter', '--inspect=0.0.0.0:1'], 'JP_USAGE', /reached by other machines/],
  ];
  const results = await Promise.all(cases.map(([args]) => counted.debug(...(args as [string]), '--json')));
  expect(results.map((result) => [result.code, result.errors()])).toEqual(
    cases.map(([, code, message]) => [
      1,
      [expect.objectContaining({ code, message: expect.stringMatching(message) as string })],
    ]),
  );
});

test('a plugin that ends its process, and one that does not compile, are explained', async () => {
  const ended = await counted.edited('const count =', 'process.exit(7); const count =', () => counted.count('second'));
  expect([ended.code, ended.errors()]).toMatchObject([
    1,
    [{ code: 'JP_REPLAY_ENDED', message: 'the process ended before the run was over: exit code 7' }],
  ]);
  const wrong = await counted.edited('const count =', 'const count = =', () => counted.count('second'));
  expect([wrong.code, wrong.errors()]).toMatchObject([1, [{ code: 'JP_PLUGIN_SYNTAX', file: counted.file }]]);
});

test('the screen shows the state, the outcome and the effects', async () => {
  const { code, stdout } = await counted.debug('third', '--plugin', 'counter', '--handler', 'count');
  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual([
    `counter.count on EVENTS:${counted.sequences.get('third')}  video.counted`,
    expect.stringMatching(/^ {2}id third, stored 20/),
    expect.stringMatching(/counter\.plugin\.ts:\d+ as it is on disk, version \w+$/),
    expect.stringMatching(/^ {2}the store as it stood before the event was handled at 20\S+Z, 1 key$/),
    '',
    expect.stringMatching(/^ {2}✔ handled in [\d.]+ ms$/),
    '  store',
    '    u1  2 → 3',
    '  published',
    expect.stringMatching(/^ {4}badge\.counted {2}\{.*"user":"u1","count":3\}$/),
    '  log',
    '    info  counted {"count":3}',
    '    warn  after the commit {"count":3}',
    '  its afterCommit functions were called',
    '',
    '  nothing was written to the server',
    '',
  ]);
});

test('an event without a commit, and a history that was cut, have the state that the output names', async () => {
  await counted.publish('unhandled');
  const stored = await counted.count('unhandled');
  expect(stored.json<Debugged>()).toMatchObject({
    store: { state: 'when-stored', keys: 1, unknown: [] },
    changes: [{ key: 'u1', before: { value: 4 }, after: { value: 5 } }],
  });
  const { last_seq } = (await counted.jsm.streams.info('LOG_jetplug-counter')).state;
  await counted.jsm.streams.purge('LOG_jetplug-counter', { seq: last_seq });
  const cut = await counted.count('second');
  expect(cut.json<Debugged>()).toMatchObject({
    store: { state: 'present', keys: 1, unknown: [] },
    changes: [{ key: 'u1', before: { value: 4 }, after: { value: 5 } }],
  });
  await counted.jsm.streams.deleteMessage('EVENTS', counted.sequences.get('third')!);
  const gone = await counted.count(`EVENTS:${counted.sequences.get('third')}`);
  expect([gone.code, gone.errors()]).toMatchObject([1, [{ code: 'JP_NOT_FOUND' }]]);
});
